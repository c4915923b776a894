import { tableIdOf } from "../../base/ids.ts";
import type { ViewColumn, ViewSchema } from "../../model/view.ts";
import { toArray, toCount, toFields, toOptional, toText } from "./stored-fields.ts";
import { decodeName, decodeSeq, decodeType, parseJson } from "./table-definition.ts";

export function encodeView(view: ViewSchema): string {
  return JSON.stringify({ ...view, definedAtSeq: view.definedAtSeq?.toString() });
}

export function decodeView(text: string): ViewSchema {
  const json = toFields(parseJson(text), "a view definition");
  const what = `view ${String(json["namespace"])}.${String(json["name"])}`;
  const definedAtSeq = toOptional(json["definedAtSeq"], decodeSeq, `${what}, definedAtSeq`);
  return {
    namespace: decodeName(json["namespace"], `${what}, namespace`),
    name: decodeName(json["name"], `${what}, name`),
    searchNamespace: decodeName(json["searchNamespace"], `${what}, searchNamespace`),
    text: toText(json["text"], `${what}, text`),
    columns: toArray(json["columns"], `${what}, columns`).map((column) => decodeColumn(column, what)),
    tables: toArray(json["tables"], `${what}, tables`).map((id) => tableIdOf(toCount(id, `${what}, tables`))),
    views: toArray(json["views"], `${what}, views`).map((name) => toText(name, `${what}, views`)),
    ...(definedAtSeq === undefined ? {} : { definedAtSeq }),
    createdAtMs: toCount(json["createdAtMs"], `${what}, createdAtMs`),
    updatedAtMs: toCount(json["updatedAtMs"], `${what}, updatedAtMs`),
  };
}

function decodeColumn(value: unknown, view: string): ViewColumn {
  const what = `${view}, a column`;
  const json = toFields(value, what);
  return {
    name: toText(json["name"], what),
    type: decodeType(json["type"], what),
    output: toText(json["output"], what),
  };
}
