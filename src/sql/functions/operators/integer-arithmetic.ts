// Sums and products of integers as SQLite makes them, which costs a twentieth of a call of ours. What is out of range, and NULL, is left to the registered function, which knows
// what to say.

export type IntegerOperator = "+" | "-" | "*";

type Inline = (args: readonly string[], call: string) => string;

function inRange(operator: IntegerOperator, [least, greatest]: readonly [string, string]): Inline {
  return ([left = "", right = ""], call) => {
    const result = `${left} ${operator} ${right}`;
    return `CASE WHEN ${result} BETWEEN ${least} AND ${greatest} THEN ${result} ELSE ${call} END`;
  };
}

export function inlineSmallint(operator: IntegerOperator): { readonly inline: Inline } {
  return { inline: inRange(operator, ["-32768", "32767"]) };
}

export function inlineInt(operator: IntegerOperator): { readonly inline: Inline } {
  return { inline: inRange(operator, ["-2147483648", "2147483647"]) };
}

/** Beyond 64 bits SQLite's result is REAL. */
export function inlineBigint(operator: IntegerOperator): { readonly inline: Inline } {
  return {
    inline: ([left = "", right = ""], call) => {
      const result = `${left} ${operator} ${right}`;
      return `CASE WHEN typeof(${result}) = 'integer' THEN ${result} ELSE ${call} END`;
    },
  };
}
