// Output columns as SQLite text: `o0, o1, …`.
import { TYPES } from "../../model/types.ts";
import type { Expr } from "../expression.ts";
import type { RenderArg } from "./binder.ts";
import { shortCircuited } from "./short-circuit.ts";

interface OutputOptions {
  readonly renderArg: RenderArg;
  /** For the client: 64-bit integers leave SQLite as text, or JavaScript would round them. */
  readonly wideAsText: boolean;
}

export function outputTexts(exprs: readonly Expr[], { renderArg, wideAsText }: OutputOptions): string {
  return exprs
    .map((expr, index) => {
      const text = renderArg(shortCircuited(expr));
      return `${wideAsText && TYPES[expr.type.kind].wide ? `CAST(${text} AS TEXT)` : text} AS o${index}`;
    })
    .join(", ");
}
