// What a function is to the binder, to `compile` and to SQLite. One definition holds the one JavaScript evaluation both executors use: `compile`
// calls it on cells, SQLite calls it through a registered function on storage forms.
import type { Cell, SqlType, TypeKind } from "../../model/sql-type.ts";
import type { Generators } from "./generators.ts";
import type { FunctionName } from "./names.ts";

/** Arguments as cells, already cast to the overload's types. */
export type Evaluator = (...args: Cell[]) => Cell;

export interface Overload {
  readonly args: readonly TypeKind[];
  /** The last kind of `args` may repeat; decimals in it then share one type. */
  readonly variadic: boolean;
  readonly returns: (argTypes: readonly SqlType[]) => SqlType;
  /** Made once per call site (or per SQLite connection and scale): may keep state that only speeds it up. */
  readonly prepare: (argTypes: readonly SqlType[], generators: Generators) => Evaluator;
  /** SQLite text that gives the same answer on storage forms. Without it the text calls the registered function. */
  readonly sqlite: ((args: readonly string[]) => string) | undefined;
  /** As `sqlite`, for arguments that may stand in the text more than once: columns, slots and numbers. `call` is the text of the registered function. */
  readonly inline?: ((args: readonly string[], call: string) => string) | undefined;
}

export interface FunctionDefinition {
  /** Lower case. Operators have names here too: see `operators.ts`. */
  readonly name: string;
  readonly overloads: readonly Overload[];
  /** Any NULL argument makes the result NULL, without evaluation. */
  readonly strict: boolean;
  readonly deterministic: boolean;
  /** False when its time cannot be bounded by the size of its input: it then runs in query processes only, and `compile` refuses it. */
  readonly bounded: boolean;
  /** Arguments of any type are taken as their text. */
  readonly anyAsText: boolean;
}

/** A call matched to one overload. */
export interface ResolvedFunction {
  readonly name: FunctionName;
  readonly definition: FunctionDefinition;
  readonly overload: Overload;
  /** What the arguments have to be cast to, one for each. */
  readonly argTypes: readonly SqlType[];
  readonly type: SqlType;
}

interface CellOfKind {
  readonly boolean: boolean;
  readonly smallint: number;
  readonly int: number;
  readonly bigint: bigint;
  readonly float: number;
  readonly double: number;
  readonly decimal: bigint;
  readonly text: string;
  readonly timestamp: bigint;
  readonly datetime: bigint;
  readonly date: number;
  readonly time: number;
  readonly json: string;
  readonly bytes: Uint8Array;
  readonly uuid: string;
  readonly interval: string;
  readonly array: string;
  readonly embedding: Uint8Array;
  readonly file: string;
}

type CellsOf<Kinds extends readonly TypeKind[]> = { readonly [I in keyof Kinds]: CellOfKind[Kinds[I]] };
export type TypedEvaluator<Kinds extends readonly TypeKind[]> = (...args: CellsOf<Kinds>) => Cell;
type Returns = SqlType | ((argTypes: readonly SqlType[]) => SqlType);

interface OverloadOptions extends Pick<Overload, "inline"> {
  readonly sqlite?: (args: readonly string[]) => string;
}

/** An overload of a strict function: its arguments are never NULL. */
export function overload<const Kinds extends readonly TypeKind[]>(
  args: Kinds,
  returns: Returns,
  evaluate: TypedEvaluator<Kinds>,
  options: OverloadOptions = {},
): Overload {
  return preparedOverload(args, returns, () => evaluate, options);
}

/** As `overload`, for evaluation that depends on the argument types (decimal scales) or keeps a compiled pattern. */
export function preparedOverload<const Kinds extends readonly TypeKind[]>(
  args: Kinds,
  returns: Returns,
  prepare: (argTypes: readonly SqlType[], generators: Generators) => TypedEvaluator<Kinds>,
  options: OverloadOptions = {},
): Overload {
  return {
    args,
    variadic: false,
    returns: typeof returns === "function" ? returns : () => returns,
    // The binder casts every argument to `args` before a call exists, which is what makes the narrower parameters true.
    prepare: (argTypes, generators) => prepare(argTypes, generators) as unknown as Evaluator,
    sqlite: options.sqlite,
    inline: options.inline,
  };
}

/** The last kind of `args` may repeat. Arguments may be NULL if the function is not strict. */
export function variadicOverload(args: readonly TypeKind[], returns: Returns, evaluate: Evaluator): Overload {
  return {
    args,
    variadic: true,
    returns: typeof returns === "function" ? returns : () => returns,
    prepare: () => evaluate,
    sqlite: undefined,
  };
}

/** For functions whose result has the type of their first argument. */
export function firstType([type]: readonly SqlType[]): SqlType {
  if (type === undefined) throw new Error("a result type was asked for without arguments");
  return type;
}

/** A strict, deterministic, bounded function unless the traits say otherwise. */
export function defineFunction(
  name: string,
  overloads: readonly Overload[],
  traits: Partial<Omit<FunctionDefinition, "name" | "overloads">> = {},
): FunctionDefinition {
  return { name, overloads, strict: true, deterministic: true, bounded: true, anyAsText: false, ...traits };
}

/** The same function under another name. */
export function alias(name: string, definition: FunctionDefinition): FunctionDefinition {
  return { ...definition, name };
}

/** The kinds of an overload for a call of `count` arguments, or undefined when it does not take that many. */
export function kindsFor(candidate: Overload, count: number): readonly TypeKind[] | undefined {
  const { args, variadic } = candidate;
  if (!variadic) return args.length === count ? args : undefined;
  const last = args.at(-1);
  if (last === undefined || count < args.length) return undefined;
  return [...args, ...Array.from({ length: count - args.length }, () => last)];
}
