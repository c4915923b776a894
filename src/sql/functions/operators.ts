// Operator symbols and the functions behind them.

interface OperatorRow {
  readonly symbol: string;
  /** How many operands this row is for. */
  readonly operands: readonly number[];
  readonly name: string;
  readonly negated: boolean;
}

function row(
  symbol: string,
  name: string,
  options: { operands?: readonly number[]; negated?: boolean } = {},
): OperatorRow {
  return { symbol, name, operands: options.operands ?? [2], negated: options.negated ?? false };
}

const LIKE_OPERANDS = [2, 3];

export const OPERATORS: readonly OperatorRow[] = [
  row("+", "add"),
  row("-", "subtract"),
  row("-", "negate", { operands: [1] }),
  row("*", "multiply"),
  row("/", "divide"),
  row("%", "modulo"),
  row("||", "concatenate"),
  row("~~", "like", { operands: LIKE_OPERANDS }),
  row("!~~", "like", { operands: LIKE_OPERANDS, negated: true }),
  row("~~*", "ilike", { operands: LIKE_OPERANDS }),
  row("!~~*", "ilike", { operands: LIKE_OPERANDS, negated: true }),
  row("~", "match_regexp"),
  row("!~", "match_regexp", { negated: true }),
  row("~*", "match_regexp_ignore_case"),
  row("!~*", "match_regexp_ignore_case", { negated: true }),
  row("->", "json_get"),
  row("->>", "json_get_text"),
  row("#>", "json_get_path"),
  row("#>>", "json_get_path_text"),
  row("?", "json_has_key"),
  row("@?", "json_path_finds"),
  row("@@", "json_path_is"),
  row("@>", "jsonb_contains"),
  row("<@", "jsonb_contained"),
  row("#-", "json_remove_path"),
  row("^", "power"),
  row("|/", "sqrt", { operands: [1] }),
  row("||/", "cbrt", { operands: [1] }),
  row("@", "abs", { operands: [1] }),
  row("&", "bitwise_and"),
  row("|", "bitwise_or"),
  row("#", "bitwise_xor"),
  row("~", "bitwise_not", { operands: [1] }),
  row("<->", "l2_distance"),
  row("<+>", "l1_distance"),
  row("<=>", "cosine_distance"),
  row("<#>", "negative_inner_product"),
  row("<<", "shift_left"),
  row(">>", "shift_right"),
];

/** Operators that are also functions in their own right. */
const ALSO_FUNCTIONS = new Set([
  "jsonb_contains",
  "jsonb_contained",
  "json_get",
  "power",
  "sqrt",
  "cbrt",
  "abs",
  "l2_distance",
  "l1_distance",
  "cosine_distance",
]);
/** Called only by what the binder makes of other syntax. */
const INTERNAL = new Set([
  "array_of",
  "array_element",
  "array_slice",
  "array_places",
  "array_places_of",
  "array_compare",
  "array_contains",
  "array_contained",
  "array_overlaps",
  "json_of_array",
  "regexp_match_rows",
  "similar_to",
  "substring_regexp",
  "interval_average",
  "interval_key",
  "interval_sum",
  "interval_round",
  "raise",
  "json_set_rows",
  "json_path_rows",
  "json_object_of",
  "json_array_of",
  "decimal_sum",
  "decimal_average",
]);
const OPERATOR_NAMES = new Set(OPERATORS.map((operator) => operator.name));

export function isUserCallable(name: string): boolean {
  return !INTERNAL.has(name) && (!OPERATOR_NAMES.has(name) || ALSO_FUNCTIONS.has(name));
}
