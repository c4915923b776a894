// A segment file as earlier versions of the program wrote it: for tests that damage a part of it to show that the part is not read.
export function withoutChecksums(bytes: Buffer): Buffer {
  const footerAt = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);
  const sectionBytes = 4 * (bytes.readUInt32LE(footerAt - 12) + 4);
  const without = Buffer.concat([bytes.subarray(0, footerAt - sectionBytes), bytes.subarray(footerAt)]);
  without.write("kalamdb.something", without.indexOf("kalamdb.checksums"));
  return without;
}
