// Statements whose time is taken, over a connection of the load client's own: Bun's fetch takes a good part of a millisecond, as long as a small query.
import { HttpConnection } from "./http-connection.ts";

export class TimedQueries implements Disposable {
  readonly #connection: HttpConnection;
  readonly #token: string;

  private constructor(connection: HttpConnection, token: string) {
    this.#connection = connection;
    this.#token = token;
  }

  static async open(url: string, token: string): Promise<TimedQueries> {
    return new TimedQueries(await HttpConnection.open(Number(new URL(url).port)), token);
  }

  /** The answer as values, as the other side of a row gives it. */
  async run(sql: string): Promise<unknown> {
    const request = { path: "/v1/api/sql", token: this.#token, body: JSON.stringify({ sql }) };
    const { status, body } = await this.#connection.request(request);
    if (status !== 200) throw new Error(`${sql}\n→ ${status} ${body}`);
    const answer: unknown = JSON.parse(body);
    return answer;
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}
