// justify_hours, justify_days and justify_interval: hours carried into days, days into months of 30, signs made one.
import { DAYS_PER_MONTH, type Interval, intervalCell, intervalOf } from "../../../model/interval.ts";
import { INTERVAL } from "../../../model/sql-type.ts";
import { defineFunction, type FunctionDefinition, overload } from "../definition.ts";
import { US_PER_DAY } from "./instant.ts";

const DAY = BigInt(US_PER_DAY);

function hours({ months, days, us }: Interval): Interval {
  const [whole, rest] = [days + Number(us / DAY), us % DAY];
  if (whole > 0 && rest < 0n) return { months, days: whole - 1, us: rest + DAY };
  if (whole < 0 && rest > 0n) return { months, days: whole + 1, us: rest - DAY };
  return { months, days: whole, us: rest };
}

function carried({ months, days, us }: Interval): Interval {
  return { months: months + Math.trunc(days / DAYS_PER_MONTH), days: days % DAYS_PER_MONTH, us };
}

function days(interval: Interval): Interval {
  const { months, days: rest, us } = carried(interval);
  if (months > 0 && rest < 0) return { months: months - 1, days: rest + DAYS_PER_MONTH, us };
  if (months < 0 && rest > 0) return { months: months + 1, days: rest - DAYS_PER_MONTH, us };
  return { months, days: rest, us };
}

function everything({ months, days: own, us }: Interval): Interval {
  const full = carried({ months, days: own + Number(us / DAY), us: us % DAY });
  let { months: whole, days: rest, us: time } = full;
  if (whole > 0 && (rest < 0 || (rest === 0 && time < 0n))) {
    rest += DAYS_PER_MONTH;
    whole -= 1;
  } else if (whole < 0 && (rest > 0 || (rest === 0 && time > 0n))) {
    rest -= DAYS_PER_MONTH;
    whole += 1;
  }
  if (rest > 0 && time < 0n) {
    time += DAY;
    rest -= 1;
  } else if (rest < 0 && time > 0n) {
    time -= DAY;
    rest += 1;
  }
  return { months: whole, days: rest, us: time };
}

function justify(name: string, change: (interval: Interval) => Interval): FunctionDefinition {
  return defineFunction(name, [
    overload(["interval"], INTERVAL, (interval) => intervalCell(change(intervalOf(interval)))),
  ]);
}

export const justifyHours = justify("justify_hours", hours);
export const justifyDays = justify("justify_days", days);
export const justifyInterval = justify("justify_interval", everything);
