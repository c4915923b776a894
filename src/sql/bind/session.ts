// What one statement collects while it is bound: slots, relations, positions, and which literals the plan depends on.

import { DbError } from "../../base/errors.ts";
import type { Name } from "../../base/ids.ts";
import { qualifiedName, type TableSchema } from "../../model/schema.ts";
import { DATETIME, TEXT } from "../../model/sql-type.ts";
import { typeText } from "../../model/types.ts";
import type { ViewSchema } from "../../model/view.ts";
import type { Expr } from "../expression.ts";
import type { LiftedLiteral } from "../lift-literals.ts";
import type { BindContext, RelationUse, ScanTerm, Slot, SystemViewInfo, TopRows } from "../plan.ts";
import { at } from "./syntax.ts";

export interface BindInput {
  readonly text: string;
  readonly literals: readonly LiftedLiteral[];
  readonly context: BindContext;
  /** Room for each parameter that is a list, by its place. */
  readonly listRooms?: ReadonlyMap<number, number>;
}

/** A base relation while its query is bound; `includeDeleted` turns true when a filter mentions `_deleted`. */
export interface RelationDraft {
  readonly source: TableSchema | SystemViewInfo;
  includeDeleted: boolean;
  /** Columns that the text names so far. */
  readonly columns: Set<number>;
  /** What its WHERE clause says of single columns. */
  terms: readonly ScanTerm[];
  /** The terms are the whole condition of a query of this table alone. */
  isWhole: boolean;
  top: TopRows | undefined;
}

export function relationDraft(source: TableSchema | SystemViewInfo): RelationDraft {
  return { source, includeDeleted: false, columns: new Set(), terms: [], isWhole: false, top: undefined };
}

interface BoundRelation {
  /** SQLite names of the columns, in the order that column expressions count them. */
  readonly columns: readonly string[];
  /** For messages. */
  readonly alias: string;
  readonly names: readonly string[];
  /** Of a base table or view. */
  readonly draft: RelationDraft | undefined;
}

/** As deep as PostgreSQL's trees may nest here; SQLite stops at 1000 and one node of ours can become two of its. */
const MAX_DEPTH = 400;
const MAX_VIEW_DEPTH = 16;
/** SQLite's SQLITE_MAX_VARIABLE_NUMBER. */
const MAX_SLOTS = 32_766;

/** A call whose value differs from call to call. */
export interface VolatileCall {
  readonly name: string;
  readonly position: number | undefined;
}

export class BindSession {
  readonly #input: BindInput;
  readonly #slots: Slot[] = [];
  readonly #sharedSlots = new Map<string, number>();
  readonly #drafts: RelationDraft[] = [];
  readonly #relations: BoundRelation[] = [];
  readonly #pinned = new Set<number>();
  readonly #literalByStart: ReadonlyMap<number, number>;
  readonly #views: ViewSchema[] = [];
  readonly #viewsRead = new Map<string, ViewSchema>();
  readonly #positions = new WeakMap<Expr, number>();
  #utf16OfByte: Uint32Array | undefined;
  #queries = 0;
  #depth = 0;
  #parameters = 0;
  #pointAllowed = true;
  #volatile: VolatileCall | undefined;

  constructor(input: BindInput) {
    this.#input = input;
    this.#literalByStart = new Map(input.literals.map((literal, index) => [literal.start, index]));
  }

  /** What is bound at the moment: the statement, or the text of a view it reads. */
  get text(): string {
    return this.#views.at(-1)?.text ?? this.#input.text;
  }

  /** `namespace.name` of every view the statement reads, through other views too. */
  get viewsRead(): ReadonlyMap<string, ViewSchema> {
    return this.#viewsRead;
  }

  /** Binds the text of a view: its names are looked up where it belongs, and its positions mean nothing to who wrote the statement. */
  insideView<T>(view: ViewSchema, bind: () => T): T {
    if (this.#views.length >= MAX_VIEW_DEPTH) {
      throw new DbError("UNSUPPORTED", `views nested more than ${MAX_VIEW_DEPTH} deep are not supported`);
    }
    this.#viewsRead.set(qualifiedName(view), view);
    this.#views.push(view);
    try {
      return bind();
    } finally {
      this.#views.pop();
    }
  }

  get slots(): readonly Slot[] {
    return this.#slots;
  }

  get namespace(): Name {
    return this.#views.at(-1)?.searchNamespace ?? this.#input.context.namespace;
  }

  get context(): BindContext {
    return this.#input.context;
  }

  /** How many parameters the statement names. */
  get parameterCount(): number {
    return this.#parameters;
  }

  /** Undefined when the parameter is no list. */
  listRoom(index: number): number | undefined {
    this.#parameters = Math.max(this.#parameters, index + 1);
    return this.#input.listRooms?.get(index);
  }

  /** False once something was bound that only a query process may run. */
  get pointAllowed(): boolean {
    return this.#pointAllowed;
  }

  forbidPoint(): void {
    this.#pointAllowed = false;
  }

  /** The first such call of the statement, sub-queries included. */
  get volatile(): VolatileCall | undefined {
    return this.#volatile;
  }

  noteVolatile(call: VolatileCall): void {
    this.#volatile ??= call;
  }

  slot(slot: Slot): number {
    const key = sharedSlotKey(slot);
    const known = key === undefined ? undefined : this.#sharedSlots.get(key);
    if (known !== undefined) return known;
    if (this.#slots.length >= MAX_SLOTS) {
      throw new DbError("UNSUPPORTED", `a statement with more than ${MAX_SLOTS} values is not supported`);
    }
    if (slot.kind === "parameter") this.#parameters = Math.max(this.#parameters, slot.index + 1);
    const index = this.#slots.push(slot) - 1;
    if (key !== undefined) this.#sharedSlots.set(key, index);
    return index;
  }

  slotExpr(slot: Slot): Expr {
    return { kind: "slot", type: slot.type, slot: this.slot(slot) };
  }

  now(): Expr {
    return this.slotExpr({ kind: "now", type: DATETIME });
  }

  user(): Expr {
    return this.slotExpr({ kind: "user", type: TEXT });
  }

  role(): Expr {
    return this.slotExpr({ kind: "role", type: TEXT });
  }

  /** `digits` counts from the statement's start. Undefined: no literal was lifted there. */
  literalAt(position: number | undefined): { readonly index: number; readonly literal: LiftedLiteral } | undefined {
    const isOwn = position !== undefined && this.#views.length === 0;
    const index = isOwn ? this.#literalByStart.get(position) : undefined;
    const literal = index === undefined ? undefined : this.#input.literals[index];
    return index === undefined || literal === undefined ? undefined : { index, literal };
  }

  literal(index: number): LiftedLiteral | undefined {
    return this.#input.literals[index];
  }

  /** The plan is right for this value of the literal only. */
  pin(index: number): void {
    this.#pinned.add(index);
  }

  /** Literals without a slot shaped the plan in some way, so they count as pinned too. */
  pinned(slots: readonly Slot[]): readonly number[] {
    const bound = new Set(slots.flatMap((slot) => (slot.kind === "literal" ? [slot.index] : [])));
    return this.#input.literals.flatMap((_, index) => (!bound.has(index) || this.#pinned.has(index) ? [index] : []));
  }

  /** A relation in scope: base table, view, CTE or sub-query. The number is the one in column expressions. */
  relation(relation: BoundRelation): number {
    return this.#relations.push(relation) - 1;
  }

  columnText(relation: number, column: number): string {
    const bound = this.#relations[relation];
    const name = bound?.columns[column];
    if (name === undefined) throw new Error(`no column ${column} in relation ${relation}`);
    bound?.draft?.columns.add(column);
    return `r${relation}.${name}`;
  }

  /** `alias.name`, for messages. */
  columnLabel(relation: number, column: number): string {
    const bound = this.#relations[relation];
    return `${bound?.alias ?? ""}.${bound?.names[column] ?? ""}`;
  }

  /** A place for a base relation in the text. */
  hole(draft: RelationDraft): number {
    return this.#drafts.push(draft) - 1;
  }

  /** A fresh name for a common table expression. */
  queryName(): string {
    this.#queries += 1;
    return `q${this.#queries}`;
  }

  /** The base table that a relation in scope is. */
  draftOf(relation: number): RelationDraft | undefined {
    return this.#relations[relation]?.draft;
  }

  /** The base relations of a text that is rendered, with what it can need of each. */
  relationReads(): readonly RelationUse[] {
    return this.relationUses().map((use, index): RelationUse => {
      const draft = this.#drafts[index];
      if (use.kind === "systemView" || draft === undefined) return use;
      const columns = [...draft.columns].sort((a, b) => a - b);
      return { ...use, read: { columns, terms: draft.terms, top: draft.top } };
    });
  }

  /** The base relations as plans carry them: a USER table always with the slot of its reader. */
  relationUses(): readonly RelationUse[] {
    return this.#drafts.map(({ source, includeDeleted }): RelationUse => {
      if (source.kind === "systemView") {
        const rowsSlot = this.slot({ kind: "viewRows", view: source.view, type: TEXT });
        return { kind: "systemView", view: source.view, columns: source.columns, rowsSlot };
      }
      if (source.kind === "shared") return { kind: "sharedTable", schema: source, includeDeleted };
      return {
        kind: "userTable",
        schema: source,
        scopeSlot: this.slot({ kind: "user", type: TEXT }),
        includeDeleted,
      };
    });
  }

  /** UTF-16 offset of a byte offset. */
  position(byteOffset: number | undefined): number | undefined {
    // -1 is the parser's "unknown".
    if (byteOffset === undefined || byteOffset < 0 || this.#views.length > 0) return undefined;
    this.#utf16OfByte ??= utf16Offsets(this.#input.text);
    return this.#utf16OfByte.length === 0 ? byteOffset : this.#utf16OfByte[byteOffset];
  }

  charAt(position: number): string {
    return this.#input.text.charAt(position);
  }

  /** Where an expression was written, for errors found after it was bound. */
  notePosition(expr: Expr, position: number | undefined): void {
    if (position !== undefined) this.#positions.set(expr, position);
  }

  positionOf(expr: Expr): number | undefined {
    return this.#positions.get(expr);
  }

  /** Guards the stack: the text decides how deep the tree is. */
  nested<T>(position: number | undefined, bind: () => T): T {
    if (this.#depth >= MAX_DEPTH) {
      throw new DbError(
        "UNSUPPORTED",
        `expressions nested more than ${MAX_DEPTH} deep are not supported`,
        at(position),
      );
    }
    this.#depth += 1;
    try {
      return bind();
    } finally {
      this.#depth -= 1;
    }
  }
}

/** Equal for slots that hold the same value. A literal stands in one place of the text, so its slot is not shared. */
function sharedSlotKey(slot: Slot): string | undefined {
  if (slot.kind === "literal") return undefined;
  const which =
    slot.kind === "parameter"
      ? `${slot.index} ${slot.element} ${slot.clause} ${slot.column} ${slot.exact}`
      : slot.kind === "listLength"
        ? `${slot.index}`
        : slot.kind === "viewRows"
          ? slot.view
          : "";
  return `${slot.kind} ${which} ${typeText(slot.type)}`;
}

/** Empty when the text is ASCII and the offsets are the same. */
function utf16Offsets(text: string): Uint32Array {
  const bytes = Buffer.byteLength(text);
  if (bytes === text.length) return new Uint32Array(0);
  const offsets = new Uint32Array(bytes + 1);
  let byte = 0;
  let unit = 0;
  for (const character of text) {
    const width = Buffer.byteLength(character);
    offsets.fill(unit, byte, byte + width);
    byte += width;
    unit += character.length;
  }
  offsets[bytes] = unit;
  return offsets;
}
