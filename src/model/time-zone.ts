// Time zones by name, from the zone data of the runtime: what a clock there shows, and which instant a clock reading is. As PostgreSQL, a reading that a
// clock skips counts from before the change, one that it shows twice is the second.
import { DbError } from "../base/errors.ts";

const MS_PER_MINUTE = 60_000;
const MS_PER_DAY = 86_400_000;
const US_PER_MS = 1000n;
/** Of JavaScript's dates. PostgreSQL's reach further, where the rule of the last year it knows holds. */
const MAX_MS = 8_640_000_000_000_000;
/** Rules change on quarters of an hour; before them clocks went by the sun, and are asked each time. */
const STEP_MS = 15 * MS_PER_MINUTE;
const RULES_SINCE_MS = -1_577_923_200_000;
const MAX_KNOWN_OFFSETS = 4096;

/** PostgreSQL's abbreviations of fixed offsets, in minutes; they come before names. */
const ABBREVIATIONS: Readonly<Record<string, number>> = {
  utc: 0,
  gmt: 0,
  z: 0,
  ut: 0,
  uct: 0,
  zulu: 0,
  wet: 0,
  west: 60,
  bst: 60,
  cet: 60,
  met: 60,
  mez: 60,
  cest: 120,
  mest: 120,
  mesz: 120,
  eet: 120,
  eest: 180,
  ist: 120,
  idt: 180,
  msk: 180,
  msd: 240,
  jst: 540,
  kst: 540,
  hkt: 480,
  awst: 480,
  acst: 570,
  aest: 600,
  aedt: 660,
  nzst: 720,
  nzdt: 780,
  ast: -240,
  adt: -180,
  est: -300,
  edt: -240,
  cst: -360,
  cdt: -300,
  mst: -420,
  mdt: -360,
  pst: -480,
  pdt: -420,
  akst: -540,
  akdt: -480,
  hst: -600,
};

/** Milliseconds that clocks of a zone are ahead of UTC, by the instant. */
export type ZoneOffset = (utcMs: number) => number;

function offsetOfText(text: string): number {
  const match = /GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?$/.exec(text);
  const [, sign, hours = "0", minutes = "0", seconds = "0"] = match ?? [];
  const ms = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
  return sign === "-" ? -ms : ms;
}

function namedZone(name: string): ZoneOffset | undefined {
  // An offset is no name: PostgreSQL would read its sign the other way round than ISO 8601.
  if (!/^[a-z]/i.test(name)) return undefined;
  const format = formatOf(name);
  if (format === undefined) return undefined;
  const known = new Map<number, number>();
  return (utcMs) => {
    const ms = Math.min(Math.max(utcMs, -MAX_MS), MAX_MS);
    const step = ms < RULES_SINCE_MS ? ms : Math.floor(ms / STEP_MS) * STEP_MS;
    const before = known.get(step);
    if (before !== undefined) return before;
    const offset = offsetOfText(format.format(step));
    // Rows nearly always lie close to each other; past the bound the map begins anew.
    if (known.size >= MAX_KNOWN_OFFSETS) known.clear();
    known.set(step, offset);
    return offset;
  };
}

function formatOf(name: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
  } catch {
    // The runtime's way to say that it knows no such zone.
    return undefined;
  }
}

/** Undefined: there is no such zone. */
export function zoneNamed(name: string): ZoneOffset | undefined {
  const folded = name.trim().toLowerCase();
  const minutes = Object.hasOwn(ABBREVIATIONS, folded) ? ABBREVIATIONS[folded] : undefined;
  return minutes === undefined ? namedZone(name.trim()) : fixedZone(minutes * MS_PER_MINUTE);
}

export function fixedZone(offsetMs: number): ZoneOffset {
  return () => offsetMs;
}

export function zoneOf(name: string): ZoneOffset {
  const zone = zoneNamed(name);
  if (zone !== undefined) return zone;
  throw new DbError("INVALID_VALUE", `time zone "${name}" not recognized`);
}

function msOf(us: bigint): number {
  return Number(us / US_PER_MS) - (us % US_PER_MS < 0n ? 1 : 0);
}

/** What a clock of the zone shows at an instant, both as µs. */
export function localOfInstant(utcUs: bigint, zone: ZoneOffset): bigint {
  return utcUs + BigInt(zone(msOf(utcUs))) * US_PER_MS;
}

/** The instant at which a clock of the zone shows a reading. */
export function instantOfLocal(localUs: bigint, zone: ZoneOffset): bigint {
  const localMs = msOf(localUs);
  const before = zone(localMs - MS_PER_DAY);
  const after = zone(localMs + MS_PER_DAY);
  const isAfter = before === after || zone(localMs - after) === after;
  return localUs - BigInt(isAfter ? after : before) * US_PER_MS;
}
