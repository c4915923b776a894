// Plans by statement text with the literals taken out, shared by all users. A plan that depends on the value of some literals is kept as one of several
// variants, each for the values it was made for.
import { Lru } from "../base/lru.ts";
import type { ParamShape } from "../model/param.ts";
import type { TableSchema } from "../model/schema.ts";
import { literalClass } from "./bind/literal-class.ts";
import type { LiftedLiteral, LiftedStatement } from "./lift-literals.ts";
import type { Planned } from "./planner.ts";

export interface PlanCacheStats {
  readonly hits: number;
  readonly misses: number;
  readonly entries: number;
}

export interface PlanCacheKey {
  readonly lifted: LiftedStatement;
  readonly namespace: string;
  readonly catalogVersion: number;
  /** The one table that is not as in that version. */
  readonly pastTable?: Pick<TableSchema, "id" | "version"> | undefined;
  readonly params: ParamShape;
}

/** Variants of one text; the oldest makes place for the next. Lists paged by `ORDER BY 1, 2, …` need few. */
const MAX_VARIANTS = 8;

interface Variant<Plan> {
  readonly planned: Planned<Plan>;
  /** Texts of the pinned literals. */
  readonly pinnedTexts: readonly string[];
}

/** At most `capacity` texts, the least recently used forgotten first. */
export class PlanCache<Plan> {
  readonly #entries: Lru<string, readonly Variant<Plan>[]>;
  #hits = 0;
  #misses = 0;

  constructor(capacity: number) {
    this.#entries = new Lru(capacity);
  }

  /** The plan for the statement, made by `plan` when there is none. What `plan` throws is not kept. */
  getOrPlan(key: PlanCacheKey, plan: () => Planned<Plan>): Planned<Plan> {
    const found = this.get(key);
    if (found !== undefined) return found;
    const planned = plan();
    this.#put(key, planned);
    return planned;
  }

  get(key: PlanCacheKey): Planned<Plan> | undefined {
    const { literals } = key.lifted;
    const variants = this.#entries.get(keyText(key)) ?? [];
    const found = variants.find(({ planned, pinnedTexts }) =>
      planned.pinned.every((index, place) => literals[index]?.text === pinnedTexts[place]),
    );
    if (found === undefined) this.#misses += 1;
    else this.#hits += 1;
    return found?.planned;
  }

  #put(key: PlanCacheKey, planned: Planned<Plan>): void {
    const pinnedTexts = planned.pinned.map((index) => key.lifted.literals[index]?.text ?? "");
    const text = keyText(key);
    const others = this.#entries.get(text) ?? [];
    this.#entries.set(text, [{ planned, pinnedTexts }, ...others].slice(0, MAX_VARIANTS));
  }

  stats(): PlanCacheStats {
    return { hits: this.#hits, misses: this.#misses, entries: this.#entries.size };
  }

  /** Forgets every plan and says how many texts there were. */
  clear(): number {
    return this.#entries.clear();
  }
}

/** Parts that cannot run into each other: a namespace is a word, and the rest are numbers or come last. */
function keyText({ lifted, namespace, catalogVersion, pastTable, params }: PlanCacheKey): string {
  const catalog =
    pastTable === undefined ? `${catalogVersion}` : `${catalogVersion}@${pastTable.id}.${pastTable.version}`;
  return `${namespace} ${catalog} ${shapeText(params)} ${classesOf(lifted.literals)} ${lifted.key}`;
}

function shapeText({ count, listRooms }: ParamShape): string {
  return listRooms.size === 0
    ? `${count}`
    : `${count}[${[...listRooms].map(([index, room]) => `${index}:${room}`).join()}]`;
}

function classesOf(literals: readonly LiftedLiteral[]): string {
  return literals.map(literalClass).join(",");
}
