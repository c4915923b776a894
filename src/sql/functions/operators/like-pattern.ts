// LIKE patterns compiled to a matcher. A pattern is cut at its `%` into pieces which are searched leftmost first: no backtracking, so no
// pattern can make a match slow.
import { DbError } from "../../../base/errors.ts";
import { characters } from "../text/code-points.ts";

export const DEFAULT_ESCAPE = "\\";

/** A piece between two `%`: characters to match, undefined for `_`. */
interface Piece {
  readonly characters: readonly (string | undefined)[];
  /** Set when there is no `_`, so that the engine's own search can be used. */
  readonly literal: string | undefined;
}

function piecesOf(pattern: string, escape: string): Piece[] {
  const pieces: (string | undefined)[][] = [[]];
  const symbols = characters(pattern);
  for (let i = 0; i < symbols.length; i++) {
    const character = symbols[i];
    const piece = pieces.at(-1) ?? [];
    if (character === escape && escape !== "") {
      i += 1;
      if (i === symbols.length)
        throw new DbError("SQL_EXECUTION_ERROR", "LIKE pattern must not end with escape character");
      piece.push(symbols[i]);
    } else if (character === "%") pieces.push([]);
    else piece.push(character === "_" ? undefined : character);
  }
  return pieces.map((piece) => ({
    characters: piece,
    literal: piece.includes(undefined) ? undefined : piece.join(""),
  }));
}

/** Where a piece that starts at `at` ends, or -1. */
function matchAt(piece: Piece, text: string, at: number): number {
  if (piece.literal !== undefined) return text.startsWith(piece.literal, at) ? at + piece.literal.length : -1;
  let end = at;
  for (const character of piece.characters) {
    const codePoint = text.codePointAt(end);
    if (codePoint === undefined) return -1;
    const width = codePoint > 0xffff ? 2 : 1;
    if (character !== undefined && text.codePointAt(end) !== character.codePointAt(0)) return -1;
    end += width;
  }
  return end;
}

/** Where the leftmost occurrence of a piece from `from` on ends, or -1. */
function searchFrom(piece: Piece, text: string, from: number): number {
  if (piece.literal !== undefined) {
    const at = text.indexOf(piece.literal, from);
    return at < 0 ? -1 : at + piece.literal.length;
  }
  for (let at = from; at < text.length; at++) {
    // Not into the middle of a pair.
    if ((text.charCodeAt(at) & 0xfc00) === 0xdc00) continue;
    const end = matchAt(piece, text, at);
    if (end >= 0) return end;
  }
  return -1;
}

/** Whether the text from `from` on ends with the piece. */
function matchesEnd(piece: Piece, text: string, from: number): boolean {
  if (piece.literal !== undefined) return text.length - piece.literal.length >= from && text.endsWith(piece.literal);
  let at = text.length;
  for (let count = piece.characters.length; count > 0; count--)
    at -= (text.charCodeAt(at - 1) & 0xfc00) === 0xdc00 ? 2 : 1;
  return at >= from && matchAt(piece, text, at) === text.length;
}

export function compileLike(pattern: string, escape: string): (text: string) => boolean {
  const pieces = piecesOf(pattern, escape);
  const [first, last] = [pieces[0], pieces.at(-1)];
  if (first === undefined || last === undefined) throw new Error("a pattern has at least one piece");
  if (pieces.length === 1) return (text) => matchAt(first, text, 0) === text.length;
  const middle = pieces.slice(1, -1);
  return (text) => {
    let at = matchAt(first, text, 0);
    for (const piece of middle) {
      if (at < 0) return false;
      at = searchFrom(piece, text, at);
    }
    return at >= 0 && matchesEnd(last, text, at);
  };
}

/** What every text that matches a pattern contains. */
export interface FixedText {
  /** It begins with this. */
  readonly prefix: string;
  /** It is this: there is no wildcard. */
  readonly isWhole: boolean;
  /** Its longest run between wildcards. */
  readonly longest: string;
}

/** Undefined: it is no pattern. */
export function fixedTextOf(pattern: string, escape = DEFAULT_ESCAPE): FixedText | undefined {
  if (characters(escape).length > 1) return undefined;
  try {
    const runs = piecesOf(pattern, escape).map(({ characters: piece }) => runsOf(piece));
    const all = runs.flat();
    const longest = all.reduce((found, run) => (run.length > found.length ? run : found), "");
    return { prefix: all[0] ?? "", isWhole: all.length === 1, longest };
  } catch (error) {
    if (error instanceof DbError) return undefined;
    throw error;
  }
}

function runsOf(piece: Piece["characters"]): string[] {
  const runs = [""];
  for (const character of piece) {
    if (character === undefined) runs.push("");
    else runs.push((runs.pop() ?? "") + character);
  }
  return runs;
}
