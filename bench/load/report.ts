// Rows of the report, made from the figures of the rounds. Ratios are taken within a round and then summed up, so that a slow moment of
// the machine hits both sides of a ratio.
import { type Spread, spreadOf } from "./stats.ts";

export type Verdict = "met" | "missed" | "failed" | "–";

export interface ReportRow {
  readonly id: string;
  readonly question: string;
  readonly ours: string;
  readonly ceiling: string;
  readonly ratio: string;
  readonly target: string;
  readonly verdict: Verdict;
  readonly note: string;
}

/** `any`: the ratio informs, the target is a bound on our own figure. */
export type RatioTarget = { readonly atLeast: number } | { readonly atMost: number } | "any";

export interface Comparison {
  readonly id: string;
  readonly question: string;
  readonly unit: string;
  /** One figure a round, in the same order. */
  readonly ours: readonly number[];
  readonly ceiling: readonly number[];
  /** Undefined: the row informs, nobody asked for more. */
  readonly target: RatioTarget | undefined;
  /** A bound on our own figure besides. */
  readonly oursAtMost?: number;
  readonly faults: readonly string[];
  readonly note?: string;
}

export function compare(comparison: Comparison): ReportRow {
  const { ours, ceiling, target, oursAtMost, faults, unit } = comparison;
  const ratios = spreadOf(ours.map((figure, round) => figure / (ceiling[round] ?? Number.NaN)));
  const oursSpread = spreadOf(ours);
  const isMet = isRatioMet(ratios.median, target) && (oursAtMost === undefined || oursSpread.median <= oursAtMost);
  return {
    id: comparison.id,
    question: comparison.question,
    ours: spreadText(oursSpread, unit),
    ceiling: spreadText(spreadOf(ceiling), unit),
    ratio: `${ratios.median.toFixed(2)} [${ratios.min.toFixed(2)}–${ratios.max.toFixed(2)}]`,
    target: [targetText(target), oursAtMost === undefined ? "" : `≤ ${oursAtMost} ${unit}`].filter(Boolean).join(", "),
    verdict: faults.length > 0 ? "failed" : target === undefined ? "–" : isMet ? "met" : "missed",
    note: faults.length > 0 ? faults.join("; ") : (comparison.note ?? ""),
  };
}

/** A row for a case that could not be measured at all. */
export function failedRow(id: string, question: string, error: unknown): ReportRow {
  const note = error instanceof Error ? error.message : String(error);
  return { id, question, ours: "", ceiling: "", ratio: "", target: "", verdict: "failed", note };
}

function isRatioMet(ratio: number, target: RatioTarget | undefined): boolean {
  if (target === undefined || target === "any") return true;
  return "atLeast" in target ? ratio >= target.atLeast : ratio <= target.atMost;
}

function targetText(target: RatioTarget | undefined): string {
  if (target === undefined || target === "any") return "";
  return "atLeast" in target ? `≥ ${target.atLeast}` : `≤ ${target.atMost}`;
}

function spreadText({ median, min, max }: Spread, unit: string): string {
  return `${figureText(median)} ${unit} [${figureText(min)}–${figureText(max)}]`;
}

export function figureText(figure: number): string {
  if (Math.abs(figure) >= 1_000) return Math.round(figure).toLocaleString("en");
  return figure.toPrecision(3);
}

const HEADS = ["id", "question", "ours", "ceiling", "ratio", "target", "verdict"] as const;

/** For a terminal: notes on lines of their own. */
export function tableText(rows: readonly ReportRow[]): string {
  const cells = rows.map(({ id, question, ours, ceiling, ratio, target, verdict }) => [
    id,
    question,
    ours,
    ceiling,
    ratio,
    target,
    verdict,
  ]);
  const widths = HEADS.map((head, column) => Math.max(head.length, ...cells.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  const lines = rows.flatMap((row, index) => [
    line(cells[index] ?? []),
    ...(row.note === "" ? [] : [`    ${row.note}`]),
  ]);
  return [line(HEADS), ...lines].join("\n");
}

export function tableMarkdown(rows: readonly ReportRow[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const heads = [...HEADS, "note"];
  return [
    line(heads),
    line(heads.map(() => "---")),
    ...rows.map((row) =>
      line([row.id, row.question, row.ours, row.ceiling, row.ratio, row.target, row.verdict, row.note]),
    ),
  ].join("\n");
}
