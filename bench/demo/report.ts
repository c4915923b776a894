// The numbers of one run, for people.

export interface Report {
  readonly rows: number;
  readonly seconds: number;
  readonly watchers: number;
  readonly events: number;
  readonly reconnects: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly files: number;
  readonly bytes: number;
  readonly missing: number;
  readonly repeated: number;
  readonly wrong: number;
  readonly failedJobs: number;
}

/** Of ascending values; NaN when there are none. */
export function percentile(sorted: readonly number[], fraction: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}

export function describe(report: Report): string {
  const perSecond = (count: number): string => Math.round(count / report.seconds).toLocaleString("en");
  return [
    "",
    `  rows written        ${report.rows.toLocaleString("en")} in ${report.seconds.toFixed(1)} s, ${perSecond(report.rows)} rows/s, each durable before it was acknowledged`,
    `  events delivered    ${report.events.toLocaleString("en")} to ${report.watchers} live queries, ${perSecond(report.events)} events/s`,
    `  write to delivery   p50 ${report.p50Ms.toFixed(1)} ms, p99 ${report.p99Ms.toFixed(1)} ms`,
    `  reconnects          ${report.reconnects}, resumed from a cursor`,
    `  Parquet             ${report.files} files, ${report.bytes.toLocaleString("en")} bytes`,
    "",
    `${report.missing} missing, ${report.repeated} repeated, ${report.wrong} wrong`,
    "",
  ].join("\n");
}
