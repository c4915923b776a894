// What statements that read other rows made of them: INSERT … SELECT and UPDATE … FROM. Each reads at a position of its own choice, which is not
// before the newest commit that was acknowledged when it was sent, and not after its own.
import { type Space, type Told, type Version, Wrong } from "./model.ts";
import { type ModelRow, textOf } from "./row.ts";
import { finds } from "./statement.ts";
import type { WriteOp } from "./step.ts";

type Made = Extract<WriteOp, { kind: "copy" | "join" }>;

/** Everything that was told with it is in the model. */
export function judgeSource(told: Told, target: Space): void {
  const { op, source, commit, rows } = told;
  if (source === undefined || (op.kind !== "copy" && op.kind !== "join")) return;
  // What was read back when all was quiet is older than anything sent since, though nobody was told at which commit it was written.
  const from = source.sentAt > source.space.settledAt ? source.sentAt : source.space.settledAt;
  const range = { from, to: commit };
  const made = new Map(rows.map(({ row }) => [row.id, row]));
  const ids = [...new Set([...source.space.ids(), ...made.keys()])].filter(
    (id) => !source.space.isUnsure(id, range.from) && !target.isUnsure(id, range.from),
  );
  // Nobody else wrote these rows meanwhile.
  const touched = target.touchedBetween(range.from, range.to);
  const positions = [range.from, ...source.space.commitsBetween(range.from, range.to)];
  const faults = positions.map((at) => {
    for (const id of ids) {
      const given = source.space.at(id, at)?.row;
      const fault = faultOf(op, {
        given,
        made: made.get(id),
        old: touched.has(id) ? "unknown" : target.at(id, range.from),
      });
      if (fault !== undefined) return `at ${at} ${fault}`;
    }
    return undefined;
  });
  if (faults.includes(undefined)) return;
  throw new Wrong(`${target.name}: ${JSON.stringify(op)} in ${commit}, sent at ${source.sentAt}: ${faults.join("; ")}`);
}

interface OneRow {
  /** What the other table had under its key. */
  readonly given: ModelRow | undefined;
  readonly made: ModelRow | undefined;
  /** What it was before, if nobody else wrote it meanwhile. */
  readonly old: Version | undefined | "unknown";
}

function faultOf(op: Made, { given, made, old }: OneRow): string | undefined {
  const isGiven = given !== undefined && finds({ filter: op.filter }, given);
  if (made === undefined) return isGiven && mustMake(op, old) ? `nothing was made of ${textOf(given)}` : undefined;
  const expected = op.kind === "copy" ? given : { ...made, n: given?.n ?? null, note: given?.note ?? null };
  return isGiven && textOf(expected) === textOf(made) ? undefined : `${textOf(made)} was made of ${textOf(given)}`;
}

/** Of a row that is given, unless another writer may have been in the way. */
function mustMake(op: Made, old: OneRow["old"]): boolean {
  if (op.kind === "copy" && !op.orNothing) return true;
  return old !== "unknown" && (old !== undefined) === (op.kind === "join");
}
