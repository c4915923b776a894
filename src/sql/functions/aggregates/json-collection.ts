// json_agg and json_object_agg over documents the binder made of the values. What they hold is bounded as any text a function makes.
import { DbError } from "../../../base/errors.ts";
import { type JsonTree, jsonbText, parseJsonTree } from "../json/tree.ts";
import { assertTextLength } from "../text/limit.ts";
import { defineAggregate } from "./definition.ts";

interface Elements {
  length: number;
  readonly documents: string[];
}

interface Members {
  length: number;
  readonly byKey: Map<string, JsonTree>;
}

export const jsonList = defineAggregate<Elements | null>("json_list", {
  start: () => null,
  step: (state, value = null) => {
    const elements = state ?? { length: 0, documents: [] };
    const document = value === null ? "null" : String(value);
    elements.length += document.length + 2;
    assertTextLength(elements.length);
    elements.documents.push(document);
    return elements;
  },
  result: (elements) => (elements === null ? null : `[${elements.documents.join(", ")}]`),
});

export const jsonObject = defineAggregate<Members | null>("json_object", {
  start: () => null,
  step: (state, key = null, value = null) => {
    if (key === null) throw new DbError("SQL_EXECUTION_ERROR", "field name must not be null");
    const members = state ?? { length: 0, byKey: new Map<string, JsonTree>() };
    const document = value === null ? "null" : String(value);
    members.length += String(key).length + document.length;
    assertTextLength(members.length);
    members.byKey.set(String(key), parseJsonTree(document));
    return members;
  },
  result: (members) => (members === null ? null : jsonbText({ kind: "object", members: members.byKey })),
});
