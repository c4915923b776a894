// Reads a ZIP file by its central directory, and checks every size and checksum on the way.
import { crc32, inflateRawSync } from "node:zlib";

export function readZip(file: Buffer): Record<string, string> {
  const end = file.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  if (end < 0) throw new Error("no end of a ZIP file");
  const entries: Record<string, string> = {};
  let at = file.readUInt32LE(end + 16);
  for (let index = 0; index < file.readUInt16LE(end + 10); index += 1) {
    if (file.readUInt32LE(at) !== 0x02014b50) throw new Error("no entry where one must be");
    const [crc, packed, size] = [at + 16, at + 20, at + 24].map((place) => file.readUInt32LE(place));
    const nameLength = file.readUInt16LE(at + 28);
    const name = file.toString("utf8", at + 46, at + 46 + nameLength);
    const local = file.readUInt32LE(at + 42);
    if (file.readUInt32LE(local) !== 0x04034b50) throw new Error(`no data of ${name}`);
    const start = local + 30 + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28);
    const bytes = inflateRawSync(file.subarray(start, start + (packed ?? 0)));
    if (bytes.byteLength !== size || crc32(bytes) !== crc) throw new Error(`${name} is damaged`);
    const descriptor = start + (packed ?? 0);
    if (file.readUInt32LE(descriptor) !== 0x08074b50 || file.readUInt32LE(descriptor + 4) !== crc)
      throw new Error(name);
    entries[name] = bytes.toString("utf8");
    at += 46 + nameLength + file.readUInt16LE(at + 30) + file.readUInt16LE(at + 32);
  }
  return entries;
}
