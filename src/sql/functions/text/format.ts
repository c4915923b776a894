// format(pattern, …): `%s`, `%I`, `%L` and `%%`, with a position (`%2$s`), a width and `-`.
import { DbError } from "../../../base/errors.ts";
import { type Cell, TEXT } from "../../../model/sql-type.ts";
import { defineFunction, preparedOverload, variadicOverload } from "../definition.ts";
import { codePointLength } from "./code-points.ts";
import { assertTextLength, inTextLimit } from "./limit.ts";
import { quoteIdentifier, quoteLiteral } from "./quote.ts";

const SPECIFIER = /%(?:(%)|(?:(\d+)\$)?(-)?(?:(\*)(?:(\d+)\$)?|(\d+))?([sIL])|(.?))/gsu;

function failure(message: string): DbError {
  return new DbError("SQL_EXECUTION_ERROR", message);
}

function shown(value: Cell, conversion: string): string {
  if (conversion === "I") {
    if (value === null) throw failure("null values cannot be formatted as an SQL identifier");
    return quoteIdentifier(String(value));
  }
  if (conversion === "L") return value === null ? "NULL" : quoteLiteral(String(value));
  return value === null ? "" : String(value);
}

function padded(text: string, width: number, left: boolean): string {
  assertTextLength(Math.abs(width));
  const filling = " ".repeat(Math.max(0, Math.abs(width) - codePointLength(text)));
  return left || width < 0 ? text + filling : filling + text;
}

/** Reads arguments in turn, or by position; after a position the turn goes on from there. */
class Arguments {
  readonly #values: readonly Cell[];
  #next = 0;
  constructor(values: readonly Cell[]) {
    this.#values = values;
  }

  take(position: string | undefined): Cell {
    if (position !== undefined) this.#next = Number(position) - 1;
    if (this.#next < 0) throw failure("format specifies argument 0, but arguments are numbered from 1");
    const value = this.#values[this.#next];
    if (value === undefined) throw failure("too few arguments for format()");
    this.#next += 1;
    return value;
  }
}

function widthOf(given: Cell): number {
  if (given === null) return 0;
  const width = Number(given);
  if (!Number.isInteger(width)) throw failure(`invalid input syntax for type integer: ${JSON.stringify(given)}`);
  return width;
}

function formatted(pattern: Cell = null, ...values: Cell[]): string | null {
  if (pattern === null) return null;
  const args = new Arguments(values);
  let room = 0;
  const text = String(pattern).replaceAll(
    SPECIFIER,
    (_all, percent, position, left, star, starPosition, width, conversion, unknown) => {
      if (percent !== undefined) return "%";
      if (conversion === undefined) throw unrecognized(unknown);
      const wide = star === undefined ? Number(width ?? 0) : widthOf(args.take(starPosition));
      const piece = padded(shown(args.take(position), conversion), wide, left !== undefined);
      room += piece.length;
      assertTextLength(room);
      return piece;
    },
  );
  return inTextLimit(text);
}

function unrecognized(type: string | undefined): DbError {
  if (type === undefined || type === "") return failure("unterminated format() type specifier");
  return new DbError("SQL_EXECUTION_ERROR", `unrecognized format() type specifier "${type}"`, {
    hint: 'For a single "%" use "%%".',
  });
}

export const format = defineFunction(
  "format",
  [
    preparedOverload(["text"], TEXT, () => (pattern: Cell) => formatted(pattern)),
    variadicOverload(["text", "text"], TEXT, formatted),
  ],
  // As `repeat`: a width in the pattern decides how much is made.
  { anyAsText: true, strict: false, bounded: false },
);
