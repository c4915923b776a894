/** Remembers the last result: patterns and formats are nearly always the same from row to row. */
export function memoizeLast<T>(make: (...keys: string[]) => T): (...keys: string[]) => T {
  let last: { readonly keys: readonly string[]; readonly value: T } | undefined;
  return (...keys) => {
    if (last !== undefined && keys.length === last.keys.length && last.keys.every((key, i) => key === keys[i])) {
      return last.value;
    }
    last = { keys, value: make(...keys) };
    return last.value;
  };
}
