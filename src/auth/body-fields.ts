// The flat JSON objects that login and setup take, checked by hand: known fields only, texts only, each within its length.

export interface FieldSpec {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly maxBytes: number;
  readonly isOptional?: boolean;
}

export type BodyFields =
  | { readonly kind: "fields"; readonly get: (name: string) => string | undefined }
  | { readonly kind: "fault"; readonly message: string };

/** Far above what the fields may hold together; a larger body is refused unparsed. */
export const MAX_AUTH_BODY_LENGTH = 16_384;

class Fault extends Error {
  override readonly name = "Fault";
}

/** Messages name fields and never repeat their values, which may be passwords. */
export function parseBodyFields(body: string, specs: readonly FieldSpec[]): BodyFields {
  try {
    const values = readFields(parseObject(body), specs);
    return { kind: "fields", get: (name) => values.get(name) };
  } catch (error) {
    if (error instanceof Fault) return { kind: "fault", message: error.message };
    throw error;
  }
}

function parseObject(body: string): object {
  if (body.length > MAX_AUTH_BODY_LENGTH) throw new Fault("Json deserialize error: body is too long");
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    // The parser's text quotes the body, and with it perhaps a password.
    throw new Fault("Json deserialize error: malformed JSON");
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed;
  throw new Fault("Json deserialize error: expected an object");
}

function readFields(parsed: object, specs: readonly FieldSpec[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const [key, value] of Object.entries(parsed)) {
    const spec = specs.find(({ name, aliases = [] }) => name === key || aliases.includes(key));
    if (spec === undefined)
      throw new Fault(`Json deserialize error: unknown field ${JSON.stringify(key.slice(0, 64))}`);
    if (value === null && spec.isOptional === true) continue;
    if (values.has(spec.name)) throw new Fault(`Json deserialize error: duplicate field "${spec.name}"`);
    values.set(spec.name, checkedText(value, spec));
  }
  const missing = specs.find(({ name, isOptional }) => isOptional !== true && !values.has(name));
  if (missing !== undefined) throw new Fault(`Json deserialize error: missing field "${missing.name}"`);
  return values;
}

function checkedText(value: unknown, { name, maxBytes }: FieldSpec): string {
  if (typeof value !== "string") throw new Fault(`Json deserialize error: field "${name}" must be a string`);
  if (Buffer.byteLength(value) > maxBytes) {
    throw new Fault(`Json deserialize error: field "${name}" exceeds ${maxBytes} bytes`);
  }
  return value;
}
