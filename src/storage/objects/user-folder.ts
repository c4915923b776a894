// The name of a user's folder.

const SAFE = /[A-Za-z0-9_-]/;
/** File systems stop at 255 bytes a name, and a template may put a prefix before it; longer ids go by their hash. */
const MAX_FOLDER_NAME = 200;

/** A folder name that no other user id has. `~` is in no encoded id, so a hashed one collides with none. */
export function userFolder(user: string): string {
  const encoded = Array.from(new TextEncoder().encode(user), (byte) => {
    const character = String.fromCharCode(byte);
    return SAFE.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
  if (encoded.length <= MAX_FOLDER_NAME) return encoded;
  return `~${new Bun.CryptoHasher("sha256").update(user).digest("hex")}`;
}
