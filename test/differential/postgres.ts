// A psql that stays open: one statement, one answer.
export type Answer =
  | { readonly kind: "rows"; readonly rows: readonly (readonly (string | null)[])[] }
  | { readonly kind: "error"; readonly message: string };

const [FIELD, ROW, NULL, END] = ["\u001f", "\u001e", "\u0001", "\u0002"] as const;

export class Postgres implements Disposable {
  readonly #process: Bun.Subprocess<"pipe", "pipe", "ignore">;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #buffered = "";

  constructor(command: readonly string[]) {
    const format = ["-X", "-q", "-A", "-t", "-F", FIELD, "-R", ROW, "-P", `null=${NULL}`];
    this.#process = Bun.spawn([...command, ...format], { stdin: "pipe", stdout: "pipe", stderr: "ignore" });
    this.#reader = this.#process.stdout.getReader();
  }

  async ask(sql: string): Promise<Answer> {
    // The last error's text stays from one statement to the next, so ERROR says whether it is of this one.
    await this.#process.stdin.write(`${sql}\n;\n\\echo '${END}' :ERROR :LAST_ERROR_MESSAGE '${END}'\n`);
    await this.#process.stdin.flush();
    for (;;) {
      const start = this.#buffered.indexOf(END);
      const end = start < 0 ? -1 : this.#buffered.indexOf(`${END}\n`, start + 1);
      if (end >= 0) {
        const [body, state] = [this.#buffered.slice(0, start), this.#buffered.slice(start + 1, end).trim()];
        this.#buffered = this.#buffered.slice(end + 2);
        return answerOf(body, state);
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("psql ended");
      this.#buffered += this.#decoder.decode(value, { stream: true });
    }
  }

  [Symbol.dispose](): void {
    this.#process.kill();
  }
}

function answerOf(body: string, state: string): Answer {
  if (state.startsWith("true")) return { kind: "error", message: state.slice("true ".length) };
  const text = body.replace(/\n$/, "");
  const rows = body === "" ? [] : text.split(ROW).map((row) => row.split(FIELD));
  return { kind: "rows", rows: rows.map((row) => row.map((field) => (field === NULL ? null : field))) };
}
