/** The row of a unit, in any case, singular or plural. Only the table's own rows count, not what every object inherits. */
export function unitNamed<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  const folded = name.toLowerCase().trim();
  for (const spelling of [folded, folded.replace(/s$/, "")]) {
    if (Object.hasOwn(table, spelling)) return table[spelling];
  }
  return undefined;
}
