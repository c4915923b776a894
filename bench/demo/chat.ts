// The chat: its tables, its authors, and what each of them does with a message.
import { createClient, type KalamClient } from "../../src/link/index.ts";
import type { Message } from "./messages.ts";

export interface Author {
  readonly name: string;
  readonly client: KalamClient;
}

const TABLES = [
  "CREATE NAMESPACE chat",
  `CREATE SHARED TABLE chat.messages (
     id BIGINT PRIMARY KEY, room TEXT NOT NULL, author TEXT NOT NULL, sent_at TIMESTAMP NOT NULL, text TEXT NOT NULL
   ) WITH (ACCESS_LEVEL = 'PUBLIC')`,
  `CREATE USER TABLE chat.outbox (
     id BIGINT PRIMARY KEY, room TEXT NOT NULL, sent_at TIMESTAMP NOT NULL, state TEXT NOT NULL, text TEXT NOT NULL, note TEXT
   )`,
];

export async function createTables(admin: KalamClient): Promise<void> {
  for (const sql of TABLES) await admin.query(sql);
}

/** Real users with real logins. Writing to a SHARED table takes the role `service`. */
export async function createAuthors(names: readonly string[], admin: KalamClient, url: string): Promise<Author[]> {
  return Promise.all(
    names.map(async (name, index): Promise<Author> => {
      const user = `author-${index + 1}`;
      const password = crypto.randomUUID();
      await admin.query(`CREATE USER '${user}' WITH PASSWORD '${password}' ROLE service`);
      const client = createClient({ url, auth: { user, password } });
      await client.query("SELECT 1");
      return { name, client };
    }),
  );
}

const EDIT_EVERY = 12;
const DELETE_EVERY = 30;
const ARCHIVE_EVERY = 9;

/** What a chat client does: keep a copy in the own outbox, post, mark it as sent; now and then edit, move, delete or archive. Returns the row versions written. */
export async function send(
  message: Message,
  author: Author,
  hooks: { readonly rooms: readonly string[]; readonly onPost: (id: bigint) => void },
): Promise<number> {
  const id = BigInt(message.id);
  const { client } = author;
  const { room, sentAt, text } = message;
  await client.query("INSERT INTO chat.outbox (id, room, sent_at, state, text) VALUES ($1, $2, $3, 'pending', $4)", [
    id,
    room,
    sentAt,
    text,
  ]);
  hooks.onPost(id);
  await client.query("INSERT INTO chat.messages (id, room, author, sent_at, text) VALUES ($1, $2, $3, $4, $5)", [
    id,
    room,
    author.name,
    sentAt,
    text,
  ]);
  await client.query("UPDATE chat.outbox SET state = 'sent' WHERE id = $1", [id]);
  let rows = 3;
  if (message.id % EDIT_EVERY === 0) {
    // Moved to another room: it leaves one live query and enters another.
    const moved = hooks.rooms[message.id % hooks.rooms.length] ?? room;
    await client.query("UPDATE chat.messages SET room = $1, text = text || ' (edited)' WHERE id = $2", [moved, id]);
    rows += 1;
  }
  if (message.id % DELETE_EVERY === 0) {
    await client.query("DELETE FROM chat.messages WHERE id = $1", [id]);
    rows += 1;
  }
  if (message.id % ARCHIVE_EVERY === 0) {
    await client.query("DELETE FROM chat.outbox WHERE id = $1", [id]);
    rows += 1;
  }
  return rows;
}
