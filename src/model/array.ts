// Arrays of one dimension. A cell is text: a segment for each element, which says whether it is NULL and holds the element in a form that sorts as its
// values do. So arrays compare as PostgreSQL compares them, element by element, by comparing their text, in SQLite too; and what moves
// elements about needs not know their type. The type of an array knows it.
import { DbError } from "../base/errors.ts";
import { fromSortableText, toSortableText } from "./decimal.ts";
import type { Cell, TypeKind } from "./sql-type.ts";

type Present = Exclude<Cell, null>;

/** Ends a segment: less than whatever may go on. */
const END = "\u0001";
const VALUE = "\u0002";
/** NULL is greater than every value, as in PostgreSQL. */
const NULL_SEGMENT = `\u0003${END}`;
const ESCAPE = "\u0002";

export const MAX_ARRAY_ELEMENTS = 1_000_000;
const MAX_ARRAY_TEXT = 64 * 1024 * 1024;

const INTEGER_OFFSET = 2n ** 63n;
const INTEGER_DIGITS = 20;

function integerBody(value: bigint): string {
  return String(value + INTEGER_OFFSET).padStart(INTEGER_DIGITS, "0");
}

function bitsOf(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0);
}

const SIGN_BIT = 1n << 63n;
const ALL_BITS = (1n << 64n) - 1n;

/** The bits in an order that text has: negative numbers turned round. */
function doubleBody(value: number): string {
  const bits = bitsOf(value + 0);
  const ordered = (bits & SIGN_BIT) === 0n ? bits | SIGN_BIT : bits ^ ALL_BITS;
  return ordered.toString(16).padStart(16, "0");
}

function doubleOf(body: string): number {
  const ordered = BigInt(`0x${body}`);
  const bits = (ordered & SIGN_BIT) === 0n ? ordered ^ ALL_BITS : ordered ^ SIGN_BIT;
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}

/** The characters that part segments, out of the way and in their order. */
function escaped(text: string): string {
  if (!text.includes(END) && !text.includes(ESCAPE)) return text;
  return text.replaceAll(ESCAPE, ESCAPE + ESCAPE).replaceAll(END, ESCAPE + END);
}

function unescaped(body: string): string {
  let text = "";
  for (let at = 0; at < body.length; at += 1) {
    if (body.charAt(at) === ESCAPE) at += 1;
    text += body.charAt(at);
  }
  return text;
}

function bodyOf(cell: Present, kind: TypeKind): string {
  switch (typeof cell) {
    case "boolean":
      return cell ? "1" : "0";
    case "bigint":
      return kind === "decimal" ? toSortableText(cell) : integerBody(cell);
    case "number":
      return kind === "float" || kind === "double" ? doubleBody(cell) : integerBody(BigInt(cell));
    case "string":
      return escaped(cell);
    default:
      return cell.toHex();
  }
}

function cellOf(body: string, kind: TypeKind): Present {
  switch (kind) {
    case "boolean":
      return body === "1";
    case "bigint":
    case "timestamp":
    case "datetime":
      return BigInt(body) - INTEGER_OFFSET;
    case "smallint":
    case "int":
    case "date":
    case "time":
      return Number(BigInt(body) - INTEGER_OFFSET);
    case "float":
    case "double":
      return doubleOf(body);
    case "decimal":
      return fromSortableText(body);
    case "bytes":
      return Uint8Array.fromHex(body);
    default:
      return body.includes(ESCAPE) ? unescaped(body) : body;
  }
}

/** An element's segment: an array of one. */
export function segmentOf(cell: Cell, kind: TypeKind): string {
  return cell === null ? NULL_SEGMENT : `${VALUE}${bodyOf(cell, kind)}${END}`;
}

export function isNullSegment(segment: string): boolean {
  return segment === NULL_SEGMENT;
}

export function elementOf(segment: string, kind: TypeKind): Cell {
  return isNullSegment(segment) ? null : cellOf(segment.slice(1, -1), kind);
}

export function segmentsOf(array: string): readonly string[] {
  const segments: string[] = [];
  let start = 0;
  for (let at = 1; at < array.length; at += 1) {
    const character = array.charAt(at);
    // The mark of a segment is its first character; an escape after it takes the next one along.
    if (character === ESCAPE) at += 1;
    else if (character === END) {
      segments.push(array.slice(start, at + 1));
      start = at + 1;
      at += 1;
    }
  }
  return segments;
}

export function arrayOfSegments(segments: readonly string[]): string {
  if (segments.length > MAX_ARRAY_ELEMENTS) {
    throw new DbError("SQL_EXECUTION_ERROR", `array size exceeds the maximum allowed (${MAX_ARRAY_ELEMENTS})`);
  }
  const length = segments.reduce((sum, segment) => sum + segment.length, 0);
  if (length > MAX_ARRAY_TEXT) throw new DbError("SQL_EXECUTION_ERROR", "an array is too large");
  return segments.join("");
}

export function arrayOfCells(cells: readonly Cell[], kind: TypeKind): string {
  return arrayOfSegments(cells.map((cell) => segmentOf(cell, kind)));
}

export function cellsOfArray(array: string, kind: TypeKind): readonly Cell[] {
  return segmentsOf(array).map((segment) => elementOf(segment, kind));
}

function quotedElement(text: string): string {
  const isPlain = text !== "" && !/[{}",\\\s]/.test(text) && text.toLowerCase() !== "null";
  return isPlain ? text : `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

/** `{1,NULL,"a b"}` */
export function formatArray(texts: readonly (string | null)[]): string {
  return `{${texts.map((text) => (text === null ? "NULL" : quotedElement(text))).join(",")}}`;
}

function malformed(text: string): DbError {
  return new DbError("INVALID_VALUE", `malformed array literal: "${text}"`);
}

/** There is one way to match each text: where there are several, a text that does not match takes the square of its length. */
const ELEMENT = /\s*(?:"([^"\\]*(?:\\.[^"\\]*)*)"\s*|((?:[^",{}\\\s]|\\.)[^",{}\\]*(?:\\.[^",{}\\]*)*)?)(,|$)/sy;
const DIMENSIONS = /^\s*(?:\[[+-]?\d+(?::[+-]?\d+)?\])+\s*=/;

/** Without the white space at its end, but for a character that a backslash keeps. */
function endTrimmed(text: string): string {
  const trimmed = text.trimEnd();
  let backslashes = 0;
  while (trimmed.at(-1 - backslashes) === "\\") backslashes += 1;
  return backslashes % 2 === 0 ? trimmed : text.slice(0, trimmed.length + 1);
}

function bareElement(text: string, whole: string): string | null {
  const trimmed = endTrimmed(text);
  if (trimmed === "") throw malformed(whole);
  return trimmed.toUpperCase() === "NULL" ? null : trimmed.replaceAll(/\\(.)/gs, "$1");
}

/** The texts of the elements of `{1,NULL,"a b"}`. */
export function parseArrayText(text: string): readonly (string | null)[] {
  if (DIMENSIONS.test(text)) throw new DbError("UNSUPPORTED", "an array with bounds of its own is not supported");
  const inner = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1];
  if (inner === undefined) throw malformed(text);
  if (inner.trim() === "") return [];
  if (/^\s*\{/.test(inner)) throw new DbError("UNSUPPORTED", "an array of arrays is not supported");
  const elements: (string | null)[] = [];
  let next = 0;
  for (let separator = ","; separator === ","; ) {
    ELEMENT.lastIndex = next;
    const match = ELEMENT.exec(inner);
    if (match === null) throw malformed(text);
    const [whole, quoted, bare = ""] = match;
    elements.push(quoted === undefined ? bareElement(bare, text) : quoted.replaceAll(/\\(.)/gs, "$1"));
    separator = match[3] ?? "";
    next += whole.length;
  }
  return elements;
}
