// SQL over HTTP by one user, as thin as can be: what was answered, or that there was no answer.
import { type DocCell, docCell, docRef } from "./doc.ts";
import { type MovingCell, movingCell } from "./moving-column.ts";
import { type ModelRow, type ModelValue, rowOfWire } from "./row.ts";

export interface Result {
  readonly names: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
  readonly seq: string | undefined;
  /** Of a statement that gives no rows. */
  readonly message: string;
}

/** `lost`: nobody knows what became of the request. */
export interface Answer {
  readonly kind: "done" | "failed" | "lost";
  readonly results?: readonly Result[];
  readonly error?: string;
}

interface Body {
  readonly status?: string;
  readonly results?: readonly {
    readonly schema?: readonly { readonly name: string }[];
    readonly rows?: readonly (readonly unknown[])[];
    readonly seq?: string;
    readonly message?: string;
  }[];
  readonly error?: { readonly code: string; readonly reason?: string; readonly message: string } | null;
}

export class SqlUser {
  readonly name: string;
  #token: string;
  readonly #url: string;

  constructor(url: string, name: string, token: string) {
    this.#url = `${url}/v1/api`;
    this.name = name;
    this.#token = token;
  }

  /** Voids every token of the user. */
  async logOut(): Promise<void> {
    const headers = { authorization: `Bearer ${this.#token}` };
    const { status } = await fetch(`${this.#url}/auth/logout`, { method: "POST", headers });
    if (status !== 200) throw new Error(`logout of ${this.name}: ${status}`);
  }

  renew(token: string): void {
    this.#token = token;
  }

  send(sql: string, params: readonly ModelValue[] = []): Promise<Answer> {
    const body = JSON.stringify(params.length === 0 ? { sql } : { sql, params });
    return this.#post({ body, headers: { "content-type": "application/json" } });
  }

  /** With a text for `FILE('doc')`. */
  upload(sql: string, text: string): Promise<Answer> {
    const body = new FormData();
    body.set("sql", sql);
    body.set("file:doc", new File([text], "doc.txt", { type: "text/plain" }));
    return this.#post({ body, headers: {} });
  }

  /** The bytes that a FILE cell refers to, as text; undefined when they are not there. */
  async download(table: string, cell: string): Promise<string | undefined> {
    const { sub, id } = docRef(cell);
    const headers = { authorization: `Bearer ${this.#token}` };
    const response = await fetch(`${this.#url.replace(/\/v1\/api$/, "")}/v1/files/sim/${table}/${sub}/${id}`, {
      headers,
    });
    const text = await response.text();
    return response.status === 200 ? text : undefined;
  }

  async #post(request: {
    readonly body: string | FormData;
    readonly headers: Record<string, string>;
  }): Promise<Answer> {
    let body: Body;
    try {
      const response = await fetch(`${this.#url}/sql`, {
        method: "POST",
        headers: { ...request.headers, authorization: `Bearer ${this.#token}` },
        body: request.body,
      });
      body = (await response.json()) as Body;
    } catch {
      return { kind: "lost" };
    }
    if (body.status !== "success") {
      const { code = "", reason = "", message = "" } = body.error ?? {};
      // A stop may come between the statements of a batch.
      if (code === "SHUTTING_DOWN") return { kind: "lost" };
      return { kind: "failed", error: `${reason || code}: ${message}` };
    }
    const results = (body.results ?? []).map(({ schema = [], rows = [], seq, message = "" }) => ({
      names: schema.map(({ name }) => name),
      rows,
      seq,
      message,
    }));
    return { kind: "done", results };
  }

  async must(sql: string, params: readonly ModelValue[] = []): Promise<Answer> {
    const answer = await this.send(sql, params);
    if (answer.kind !== "done") throw new Error(`${sql}\n→ ${answer.kind} ${answer.error}`);
    return answer;
  }

  /** A whole table as this user sees it. */
  async table(name: string): Promise<readonly ReturnedRow[]> {
    const [result] = (await this.must(`SELECT * FROM sim.${name}`)).results ?? [];
    return returnedRows(result);
  }
}

export interface ReturnedRow {
  readonly row: ModelRow;
  readonly seq: bigint;
  readonly moving: MovingCell;
  readonly doc: DocCell;
}

export function returnedRows(result: Result | undefined): readonly ReturnedRow[] {
  const names = result?.names ?? [];
  return (result?.rows ?? []).map((cells) => {
    const row = Object.fromEntries(names.map((name, index) => [name, cells[index]]));
    return { row: rowOfWire(row), seq: BigInt(String(row["_seq"])), moving: movingCell(row), doc: docCell(row) };
  });
}
