import type { Cell } from "./sql-type.ts";

/** A value of `$1 … $n` as a client sends it. A list stands where SQL takes an array: `= ANY($1)`, `unnest($1)`. */
export type Param = Cell | readonly Cell[];

export function isList(param: Param): param is readonly Cell[] {
  return Array.isArray(param);
}

/** What a plan knows of a statement's parameters: how many there are, and the room for each list by its place. */
export interface ParamShape {
  readonly count: number;
  readonly listRooms: ReadonlyMap<number, number>;
}

export function paramShape(params: readonly Param[]): ParamShape {
  const rooms = params.flatMap((param, index) => (isList(param) ? [[index, listRoom(param.length)] as const] : []));
  return { count: params.length, listRooms: new Map(rooms) };
}

/** Lists of similar length share a plan: each has room for the next power of two, filled up with its last value. */
function listRoom(length: number): number {
  return length <= 1 ? length : 2 ** Math.ceil(Math.log2(length));
}
