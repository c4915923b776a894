// The FILE column of the tables that have one: what its cell says of a text that was uploaded.

/** Undefined where it is not shown, null where the row has no file. */
export type DocCell = string | null | undefined;

interface DocRef {
  readonly id: string;
  readonly sub: string;
  readonly size: number;
  readonly sha256: string;
}

export function docCell(row: Readonly<Record<string, unknown>>): DocCell {
  const cell = row["doc"];
  return cell === undefined || cell === null ? cell : typeof cell === "string" ? cell : JSON.stringify(cell);
}

export function docRef(cell: string): DocRef {
  return JSON.parse(cell) as DocRef;
}

export function isDocOf(cell: string | null, text: string): boolean {
  if (cell === null) return false;
  const { size, sha256 } = docRef(cell);
  return size === text.length && sha256 === hashOf(text);
}

export function hashOf(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}
