// The parts of the functions that have a simpler model to be held against.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { floatText } from "../../../src/sql/functions/float-text.ts";
import { elementOf, jsonAsText, jsonKind, memberOf } from "../../../src/sql/functions/json/scan.ts";
import { compileLike } from "../../../src/sql/functions/operators/like-pattern.ts";
import { addMonths, civilOfDays, daysOfCivil, isoWeekday } from "../../../src/sql/functions/temporal/civil.ts";
import { codePointLength, codePointSlice, compareText } from "../../../src/sql/functions/text/code-points.ts";

const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom("\ufffd", "😀", "𐀀", "\ue000", "a"),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  ),
});

test("LQ-09 text orders as its UTF-8 bytes do", () => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(compareText(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});

test("TB-05 slices and lengths count code points", () => {
  fc.assert(
    fc.property(text, fc.integer({ min: -3, max: 12 }), fc.integer({ min: -3, max: 12 }), (value, start, end) => {
      const symbols = Array.from(value);
      expect(codePointLength(value)).toBe(symbols.length);
      expect(codePointSlice(value, start, end)).toBe(symbols.slice(Math.max(0, start), Math.max(0, end)).join(""));
    }),
  );
});

test("LQ-09 LIKE matches what the same pattern as a regular expression matches", () => {
  const letters = fc.constantFrom("a", "b", "😀", "\n");
  const pattern = fc.string({ unit: fc.oneof(letters, fc.constantFrom("%", "_", "\\a", "\\%")), maxLength: 8 });
  const subject = fc.string({ unit: fc.oneof(letters, fc.constantFrom("%", "_")), maxLength: 10 });
  fc.assert(
    fc.property(subject, pattern, (value, like) => {
      const source = like.replaceAll(/\\?[^]/gu, (symbol) => {
        if (symbol === "%") return "[^]*";
        return symbol === "_" ? "[^]" : symbol.replace("\\", "");
      });
      expect(compileLike(like, "\\")(value)).toBe(new RegExp(`^(?:${source})$`, "u").test(value));
    }),
    { numRuns: 2000 },
  );
});

describe("LQ-09 JSON is read without being parsed", () => {
  const value = fc.jsonValue({ maxDepth: 4 });
  const parsed = (json: string | undefined): unknown => (json === undefined ? undefined : JSON.parse(json));
  const spaced = (json: unknown, indent: number): string => ` ${JSON.stringify(json, undefined, indent)}\n`;

  test("members are those of the parsed object", () => {
    const key = fc.oneof(fc.constantFrom("a", "__proto__", "", 'q"\\', "é"), fc.string());
    fc.assert(
      fc.property(fc.dictionary(key, value, { noNullPrototype: true }), key, fc.nat(2), (object, other, indent) => {
        const json = spaced(object, indent);
        for (const name of [...Object.keys(object), other]) {
          const expected = Object.hasOwn(object, name) ? parsed(JSON.stringify(object[name])) : undefined;
          expect(parsed(memberOf(json, name))).toEqual(expected);
        }
      }),
    );
  });

  test("elements are those of the parsed array", () => {
    fc.assert(
      fc.property(fc.array(value), fc.integer({ min: -4, max: 4 }), fc.nat(2), (array, index, indent) => {
        expect(parsed(elementOf(spaced(array, indent), index))).toEqual(parsed(JSON.stringify(array.at(index))));
      }),
    );
  });

  test("kinds and texts are those of the parsed value", () => {
    fc.assert(
      fc.property(value, (json) => {
        const source = JSON.stringify(json);
        const kind = json === null ? "null" : Array.isArray(json) ? "array" : typeof json;
        expect(jsonKind(source)).toBe(kind as ReturnType<typeof jsonKind>);
        expect(jsonAsText(source)).toBe(json === null ? null : typeof json === "string" ? json : source);
      }),
    );
  });

  test("text that is not JSON ends the search", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("{", "}", "[", "]", '"', "\\", ":", ",", "1", " ") }), (broken) => {
        const answers = (): unknown => [memberOf(broken, "a"), elementOf(broken, 1)];
        // A broken escape may be refused; what matters is that the answer comes.
        try {
          answers();
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("TB-05 the calendar", () => {
  const MS_PER_DAY = 86_400_000;

  test("agrees with Date where Date reaches", () => {
    fc.assert(
      fc.property(fc.integer({ min: -100_000_000, max: 100_000_000 }), (days) => {
        const day = new Date(days * MS_PER_DAY);
        const civil = civilOfDays(days);
        expect(civil).toEqual({ year: day.getUTCFullYear(), month: day.getUTCMonth() + 1, day: day.getUTCDate() });
        expect(daysOfCivil(civil)).toBe(days);
        expect(isoWeekday(days) % 7).toBe(day.getUTCDay());
      }),
    );
  });

  test("moves by months to the same day, or to the last of a shorter month", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -800_000, max: 3_000_000 }),
        fc.integer({ min: -5000, max: 5000 }),
        (days, months) => {
          const [from, to] = [civilOfDays(days), civilOfDays(addMonths(days, months))];
          expect(to.year * 12 + to.month).toBe(from.year * 12 + from.month + months);
          const next = civilOfDays(addMonths(days, months) + 1);
          expect(to.day === from.day || (to.day < from.day && next.day === 1)).toBe(true);
        },
      ),
    );
  });
});

test("TB-04 the text of a double or real reads back as the same number", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), fc.float({ noNaN: true }), (double, real) => {
      expect(Number(floatText(double, "double")) + 0).toBe(double + 0);
      expect(Math.fround(Number(floatText(real, "float"))) + 0).toBe(real + 0);
    }),
  );
});
