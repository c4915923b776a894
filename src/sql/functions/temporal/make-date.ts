import { DbError } from "../../../base/errors.ts";
import { defineFunction, overload } from "../definition.ts";
import { daysInMonth, daysOfCivil } from "./civil.ts";
import { inDate } from "./range.ts";

const MAX_YEAR = 294_276;

export function makeDate(year: number, month: number, day: number): number {
  // A negative year is BC; there is no year 0.
  const civilYear = year < 0 ? year + 1 : year;
  const isDate =
    year !== 0 &&
    Math.abs(year) <= MAX_YEAR &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= daysInMonth(civilYear, month);
  if (!isDate) {
    const shown = [year, ...[month, day].map((field) => String(field).padStart(2, "0"))].join("-");
    throw new DbError("SQL_EXECUTION_ERROR", `date field value out of range: ${shown}`);
  }
  return inDate(daysOfCivil({ year: civilYear, month, day }));
}

export const makeDateFunction = defineFunction("make_date", [
  overload(["int", "int", "int"], { kind: "date" }, makeDate),
]);
