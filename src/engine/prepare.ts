// Text → plans. A request that is one data statement is found by its lifted text and costs neither a parse nor a bind; everything else is parsed, and its data
// statements are planned through the same cache.
import { type Clock, systemClock } from "../base/clock.ts";
import { DbError } from "../base/errors.ts";
import type { Name } from "../base/ids.ts";
import { Lru } from "../base/lru.ts";
import type { ParamShape } from "../model/param.ts";
import type { TableSchema } from "../model/schema.ts";
import { assertParameterCount } from "../sql/bind/slots.ts";
import type { Generators } from "../sql/functions/generators.ts";
import { type LiftedStatement, liftLiterals } from "../sql/lift-literals.ts";
import type { Parser } from "../sql/parse/parser.ts";
import { withOffset } from "../sql/parse/syntax-error.ts";
import type { BindContext, DataPlan, LivePlan } from "../sql/plan.ts";
import { PlanCache, type PlanCacheStats } from "../sql/plan-cache.ts";
import {
  type BoundView,
  bindView,
  type PlanInput,
  type Planned,
  planData,
  planLive,
  selectOf,
} from "../sql/planner.ts";
import type { DataStatement, ParsedStatement, Statement } from "../sql/statement.ts";
import type { CatalogView } from "../storage/seams.ts";
import { namespaceNames, relationNames } from "./names.ts";
import type { Session } from "./session.ts";
import { TableCache } from "./table-cache.ts";
import { SYSTEM_NAMESPACES, SYSTEM_VIEWS } from "./views/registry.ts";

type Literals = LiftedStatement["literals"];

/** A data plan with the texts of its statement's literals, for its slots. */
export interface PlannedData {
  readonly plan: DataPlan;
  readonly literals: Literals;
  /** From the cache. */
  readonly isKnown: boolean;
}

/** One statement of a request. A data statement is planned when its turn comes: the one before it may have made its table. */
export type Runnable =
  | {
      readonly kind: "data";
      readonly plan: (session: Session) => PlannedData;
      readonly text: string;
      readonly offset: number;
    }
  | {
      readonly kind: "statement";
      readonly statement: Exclude<Statement, DataStatement>;
      readonly text: string;
      readonly offset: number;
    };

export interface PreparedLive {
  readonly plan: LivePlan;
  readonly literals: Literals;
}

export interface Preparer {
  /** Throws what PostgreSQL's grammar refuses. A text of several statements is parsed whole before the first of them runs. */
  prepare(sql: string, session: Session, params: ParamShape): readonly Runnable[];
  /**
   * A part of a long statement, which counts as no statement of its own. Undefined: a statement that has no plan. It may name fewer parameters than there are: how many
   * the whole names is the caller's to check.
   */
  planPart(text: string, session: Session, params: ParamShape): PlannedPart | undefined;
  /** `own`: a table as which it is known under its name, where that is not its newest version. */
  prepareLive(sql: string, session: Session, params: ParamShape, own?: TableSchema): PreparedLive;
  /** What a view would show that belongs to the namespace, on the catalog as it is at this moment. */
  bindView(view: ViewText, catalog: CatalogView): BoundView;
  stats(): PlanCacheStats;
  /** Forgets what can be found out again; how many entries each cache had. */
  clearCaches(): Readonly<Record<string, number>>;
}

export interface PlannedPart extends PlannedData {
  /** The highest that it names. */
  readonly parameterCount: number;
}

export interface ViewText {
  readonly namespace: Name;
  readonly text: string;
}

export interface PreparerDeps {
  readonly parser: Parser;
  readonly catalog: CatalogView;
  readonly generators: Generators;
  readonly maxPlans: number;
  readonly clock?: Pick<Clock, "monotonicMs">;
}

/** The lifter's mark for a text that is its own key: several statements, or none that has a plan. */
const NOT_LIFTED = "{}";
/** A longer text (a bulk INSERT) rarely comes again and would crowd out hundreds of others. */
const MAX_CACHED_KEY_LENGTH = 16 * 1024;
/** Plans of parts of long statements. Those of one statement are mostly one; they shall crowd out nobody's. */
const MAX_PARTS = 32;

interface PlanCall {
  readonly text: string;
  readonly lifted: LiftedStatement;
  readonly session: Session;
  readonly params: ParamShape;
  /** A version of a table to be planned for that is not the newest. */
  readonly pastTable?: TableSchema | undefined;
}

/** The plan of a text: from the cache, or made and kept. */
function planOf<Plan extends DataPlan | LivePlan>(
  call: PlanCall,
  cache: PlanCache<Plan>,
  {
    deps,
    make,
  }: {
    readonly deps: PreparerDeps & { readonly tables: TableCache };
    readonly make: (input: PlanInput) => Planned<Plan>;
  },
): PlannedText<Plan> {
  const { text, lifted, session, params, pastTable } = call;
  const input: PlanInput = {
    text,
    literals: lifted.literals,
    context:
      pastTable === undefined
        ? sessionContext(session, deps, deps.tables)
        : pastContext(pastTable, contextOf(session.namespace, deps)),
    listRooms: params.listRooms,
    generators: deps.generators,
  };
  const key = {
    lifted,
    namespace: session.namespace,
    catalogVersion: deps.catalog.version,
    pastTable,
    params,
  };
  let isKnown = true;
  const plan = (): Planned<Plan> => {
    isKnown = false;
    return make(input);
  };
  const planned = isCacheable(lifted) ? cache.getOrPlan(key, plan) : plan();
  const { parameterCount } = planned;
  return { plan: planned.plan, literals: lifted.literals, isKnown, parameterCount };
}

interface PlannedText<Plan> {
  readonly plan: Plan;
  readonly literals: Literals;
  readonly isKnown: boolean;
  readonly parameterCount: number;
}

/** The plan of a whole statement. */
function planWholeOf<Plan extends DataPlan | LivePlan>(
  call: PlanCall,
  cache: PlanCache<Plan>,
  how: Parameters<typeof planOf<Plan>>[2],
): PlannedText<Plan> {
  const planned = planOf(call, cache, how);
  assertParameterCount(planned.parameterCount, call.params.count);
  return planned;
}

interface DataText {
  readonly text: string;
  /** Where it starts in the request's SQL. */
  readonly offset: number;
  readonly params: ParamShape;
  readonly lift: () => LiftedStatement;
  readonly make: (input: PlanInput) => Planned<DataPlan>;
}

type Names = Pick<PreparerDeps, "catalog" | "parser">;

/** Names as they are now, but for one table. */
function pastContext(table: TableSchema, now: BindContext): BindContext {
  return {
    ...now,
    findRelation: (namespace, name) => {
      if (namespace === table.namespace && name === table.name) return table;
      const found = now.findRelation(namespace, name);
      return found !== undefined && "id" in found && found.id === table.id ? undefined : found;
    },
  };
}

/** Names as a session finds them. */
function sessionContext(session: Session, deps: Names, tables: TableCache): BindContext {
  const context = contextOf(session.namespace, deps);
  return {
    ...context,
    findRelation: (namespace, name) =>
      tables.find({ session, name: `${namespace}.${name}` }, deps.catalog.version, () =>
        context.findRelation(namespace, name),
      ),
  };
}

function contextOf(namespace: Name, { catalog, parser }: Names): BindContext {
  return {
    namespace,
    findRelation: (schema, name) => findRelation({ catalog, parser }, schema, name),
    hasNamespace: (name) => SYSTEM_NAMESPACES.has(name) || catalog.namespace(name) !== undefined,
    relationsLike: (schema) => relationNames(schema, catalog),
    namespaces: () => namespaceNames(catalog),
  };
}

export function createPreparer(options: PreparerDeps): Preparer {
  const tables = new TableCache(options.clock ?? systemClock);
  const deps = { ...options, tables };
  const data = new PlanCache<DataPlan>(deps.maxPlans);
  const live = new PlanCache<LivePlan>(deps.maxPlans);
  const parts = new PlanCache<DataPlan>(MAX_PARTS);
  const texts = new Lru<string, LiftedStatement>(deps.maxPlans);

  const planLiveSelect = (input: PlanInput): Planned<LivePlan> => planText(input, deps.parser, planLive);
  const planWhole = (input: PlanInput): Planned<DataPlan> => planText(input, deps.parser, planData);

  const dataRunnable = ({ text, offset, params, lift, make }: DataText): Runnable => ({
    kind: "data",
    text,
    offset,
    plan: (session) => planWholeOf({ text, lifted: lift(), session, params }, data, { deps, make }),
  });
  const runnable = ({ statement, text, offset }: ParsedStatement, params: ParamShape): Runnable => {
    if (!isData(statement)) return { kind: "statement", statement, text, offset };
    const make = (input: PlanInput): Planned<DataPlan> => planData(statement, input);
    return dataRunnable({ text, offset, params, lift: () => liftLiterals(text), make });
  };

  return {
    prepare(sql, _session, params) {
      const text = sql.trim();
      const lifted = liftedOf(text, texts);
      // One data statement: a hit needs no parse.
      if (isCacheable(lifted) && !WRITES_USERS.test(text)) {
        return [dataRunnable({ text, offset: sql.indexOf(text), params, lift: () => lifted, make: planWhole })];
      }
      const parsed = deps.parser.parse(sql);
      assertParametersFit(parsed, params);
      return parsed.map((statement) => runnable(statement, params));
    },
    planPart(text, session, params) {
      if (WRITES_USERS.test(text)) return undefined;
      const call = { text, lifted: liftLiterals(text), session, params };
      return planOf(call, parts, { deps, make: planWhole });
    },
    prepareLive(sql, session, params, own) {
      const text = sql.trim();
      const pastTable = own !== undefined && deps.catalog.tableById(own.id)?.version !== own.version ? own : undefined;
      const call = { text, lifted: liftLiterals(text), session, params, pastTable };
      return planWholeOf(call, live, { deps, make: planLiveSelect });
    },
    bindView: (view, catalog) => bindViewText(view, { ...deps, catalog }),
    stats: () => data.stats(),
    clearCaches: () => ({
      plans: data.clear() + parts.clear(),
      live_plans: live.clear(),
      statement_texts: texts.clear(),
      session_tables: tables.clear(),
    }),
  };
}

function assertParametersFit(parsed: readonly ParsedStatement[], params: ParamShape): void {
  if (parsed.length <= 1 || params.count === 0) return;
  throw new DbError("PARAMS_WITH_BATCH", "Parameters can be used with one statement only");
}

/** Rows of system.users are accounts: such a statement is planned by nobody. */
const WRITES_USERS = /^(?:insert\s+into|update|delete\s+from)\s+"?system"?\s*\.\s*"?users\b/i;

/** Texts without a literal come again as they are; others seldom do. */
function liftedOf(text: string, texts: Lru<string, LiftedStatement>): LiftedStatement {
  const known = texts.get(text);
  if (known !== undefined) return known;
  const lifted = liftLiterals(text);
  if (lifted.literals.length === 0 && isCacheable(lifted)) texts.set(text, lifted);
  return lifted;
}

function bindViewText({ namespace, text }: ViewText, deps: PreparerDeps): BoundView {
  const { parser, generators } = deps;
  const input: PlanInput = { text, literals: [], context: contextOf(namespace, deps), generators };
  return planText(input, parser, bindView);
}

function isCacheable(lifted: LiftedStatement): boolean {
  return !lifted.key.startsWith(NOT_LIFTED) && lifted.key.length <= MAX_CACHED_KEY_LENGTH;
}

function isData(statement: Statement): statement is DataStatement {
  return (
    statement.kind === "select" ||
    statement.kind === "insert" ||
    statement.kind === "update" ||
    statement.kind === "delete"
  );
}

/**
 * The tree's locations count in the statement's own text; the one that was sent may begin with a comment. Literals and columns are told
 * apart by where they stand: with the wrong text one literal takes the place of another.
 */
function planText<Plan>(
  input: PlanInput,
  parser: Parser,
  plan: (statement: DataStatement, input: PlanInput) => Plan,
): Plan {
  const { statement, text, offset } = onlyData(parser.parse(input.text));
  const literals = offset === 0 || input.literals.length === 0 ? input.literals : liftLiterals(text).literals;
  return withOffset(offset, () => plan(statement, { ...input, text, literals }));
}

function onlyData(parsed: readonly ParsedStatement[]): ParsedStatement & { readonly statement: DataStatement } {
  const [first, ...rest] = parsed;
  if (first === undefined || rest.length > 0 || !isData(first.statement)) {
    throw new DbError("INVALID_SQL", "Invalid SQL: exactly one SELECT, INSERT, UPDATE or DELETE is expected");
  }
  return { ...first, statement: first.statement };
}

function findRelation(
  { catalog, parser }: Pick<PreparerDeps, "catalog" | "parser">,
  namespace: string,
  name: string,
): ReturnType<BindContext["findRelation"]> {
  const system = SYSTEM_VIEWS.get(`${namespace}.${name}`);
  if (system !== undefined) return { kind: "systemView", view: system.name, columns: system.columns };
  const view = catalog.view(namespace, name);
  if (view !== undefined)
    return { kind: "view", schema: view, select: () => selectOf(onlyData(parser.parse(view.text)).statement) };
  return catalog.table(namespace, name);
}
