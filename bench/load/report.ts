// Rows of the report, made from the figures of the rounds. Ratios are taken within a round and then summed up, so that a slow moment of
// the machine hits both sides of a ratio.
import { type Spread, spreadOf } from "./stats.ts";

/** `unclear`: the rounds contradict each other or what is possible, or the machine was busy, so the figure decides nothing. */
export type Verdict = "met" | "missed" | "unclear" | "failed" | "–";

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
  /** The ceiling does strictly less work: being better than it is noise, whichever way the target points. */
  readonly isBound?: boolean;
  readonly faults: readonly string[];
  readonly note?: string;
}

/** As much better than its bound as rounding and luck allow. */
const BOUND_SLACK = 0.1;
/** Part of the rounds that must lie on the same side of the target as their median. */
const AGREEMENT = 0.8;

export function compare(comparison: Comparison): ReportRow {
  const { ours, ceiling, target, oursAtMost, faults, unit } = comparison;
  const roundRatios = ours.map((figure, round) => figure / (ceiling[round] ?? Number.NaN));
  const ratios = spreadOf(roundRatios);
  const oursSpread = spreadOf(ours);
  const isWithin = (ratio: number, figure: number): boolean =>
    isRatioMet(ratio, target) && (oursAtMost === undefined || figure <= oursAtMost);
  const isMet = isWithin(ratios.median, oursSpread.median);
  const agreeing = roundRatios.filter((ratio, round) => isWithin(ratio, ours[round] ?? Number.NaN) === isMet).length;
  const doubt =
    target === undefined
      ? undefined
      : comparison.isBound === true && isBetterThanBound(ratios.median, target)
        ? "better than a program that does strictly less: the machine was not quiet"
        : agreeing / roundRatios.length < AGREEMENT
          ? "the rounds disagree"
          : undefined;
  return {
    id: comparison.id,
    question: comparison.question,
    ours: spreadText(oursSpread, unit),
    ceiling: spreadText(spreadOf(ceiling), unit),
    ratio: `${ratios.median.toFixed(2)} [${ratios.min.toFixed(2)}–${ratios.max.toFixed(2)}]`,
    target: [targetText(target), oursAtMost === undefined ? "" : `≤ ${oursAtMost} ${unit}`].filter(Boolean).join(", "),
    verdict: verdictOf({
      isFailed: faults.length > 0,
      hasTarget: target !== undefined,
      isDoubtful: doubt !== undefined,
      isMet,
    }),
    note: [...faults, doubt, comparison.note].filter((part) => part !== undefined && part !== "").join("; "),
  };
}

function verdictOf(row: {
  readonly isFailed: boolean;
  readonly hasTarget: boolean;
  readonly isDoubtful: boolean;
  readonly isMet: boolean;
}): Verdict {
  if (row.isFailed) return "failed";
  if (!row.hasTarget) return "–";
  if (row.isDoubtful) return "unclear";
  return row.isMet ? "met" : "missed";
}

function isBetterThanBound(ratio: number, target: RatioTarget): boolean {
  if (target === "any") return false;
  return "atLeast" in target ? ratio > 1 + BOUND_SLACK : ratio < 1 - BOUND_SLACK;
}

/** Above these shares of the machine for other processes a row says so, and decides nothing, whichever way it came out. */
const NOTED_SHARE = 0.1;
const DECIDING_SHARE = 0.25;

/** `othersShare`: part of the machine, 0 to 1, that other processes took while the row was measured; undefined when not known. */
export function withNoise(row: ReportRow, othersShare: number | undefined): ReportRow {
  if (othersShare === undefined || othersShare < NOTED_SHARE) return row;
  const note = [row.note, `others took ${Math.round(othersShare * 100)} % of the machine`].filter(Boolean).join("; ");
  const isDecided = row.verdict === "met" || row.verdict === "missed";
  return { ...row, note, verdict: isDecided && othersShare >= DECIDING_SHARE ? "unclear" : row.verdict };
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
