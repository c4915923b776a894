// `~` and `~*`. JavaScript's regular expressions with Unicode semantics; `.` matches a line break, as in PostgreSQL. No bound on the time of
// a match exists, so these run in query processes, where a deadline kills them.
import { BOOLEAN } from "../../../model/sql-type.ts";
import { defineFunction, type FunctionDefinition, preparedOverload } from "../definition.ts";
import { memoizeLast } from "../memoize-last.ts";
import { compileRegexp } from "../text/regexp.ts";

function regexpFunction(name: string, flags: string): FunctionDefinition {
  const overloads = [
    preparedOverload(["text", "text"], BOOLEAN, () => {
      const compiled = memoizeLast((pattern = "") => compileRegexp(pattern, flags));
      return (text, pattern) => compiled(pattern).test(text);
    }),
  ];
  return defineFunction(name, overloads, { bounded: false });
}

export const matchRegexp = regexpFunction("match_regexp", "us");
export const matchRegexpIgnoreCase = regexpFunction("match_regexp_ignore_case", "usi");
