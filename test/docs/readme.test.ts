// README.md is a session that works: its shell blocks run in one bash, its program beside them, against a server started as the first command starts it.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = new URL("../../", import.meta.url).pathname;
const PASSWORD_FILE = "data/root-password.txt";

const readme = await Bun.file(join(ROOT, "README.md")).text();
const FIRST_SESSION = "## First table, first live query";

function section(title: string): string {
  const start = readme.indexOf(title);
  return readme.slice(start, readme.indexOf("\n## ", start + 1));
}

function blocks(language: string, title = FIRST_SESSION): readonly string[] {
  return [...section(title).matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))].map(
    (match) => match[1] ?? "",
  );
}

/** A process whose output can be waited for. */
class Running implements AsyncDisposable {
  readonly child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  #output = "";
  #ended = false;
  readonly #reading: Promise<void>;
  #changed = Promise.withResolvers<void>();

  constructor(command: readonly string[], cwd: string) {
    const env = { ...process.env };
    delete env["KALAMDB_ROOT_PASSWORD"];
    this.child = Bun.spawn([...command], { cwd, env, stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of this.child.stdout) {
      this.#output += decoder.decode(bytes, { stream: true });
      this.#wake();
    }
    this.#ended = true;
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  /** What was printed up to and with the pattern; it is not seen again. */
  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.#output);
      if (match !== null) {
        const end = match.index + match[0].length;
        const seen = this.#output.slice(0, end);
        this.#output = this.#output.slice(end);
        return seen;
      }
      if (this.#ended) throw new Error(`ended without ${pattern}:\n${this.#output}`);
      await this.#changed.promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGTERM");
    await this.child.exited;
    await this.#reading;
  }
}

let folder: string;
let server: Running;
let url: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kalamdb-readme-"));
  // The reader sits in a checkout; the data folder is the only thing that is new in it.
  await symlink(join(ROOT, "src"), join(folder, "src"));
  server = new Running(
    [process.execPath, join(ROOT, "src/main.ts"), "serve", "--port", "0", "--data-dir", "data"],
    folder,
  );
  url = /http:\S+/.exec(await server.until(/KalamDB is ready at \S+\n/))?.[0] ?? "";
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const here = (text: string): string => text.replaceAll("http://127.0.0.1:8080", url);

/** Runs a block and gives what it printed. */
async function run(shell: Running, block: string): Promise<string> {
  await shell.child.stdin.write(`${here(block)}\necho "-- end"\n`);
  await shell.child.stdin.flush();
  return shell.until(/-- end\n/);
}

test("the session of the README gives what it promises", async () => {
  const [first = "", changes = "", flush = ""] = blocks("sh");
  const [program = ""] = blocks("ts");
  expect([first, program].every((text) => text.includes(PASSWORD_FILE))).toBe(true);
  await using shell = new Running(["bash"], folder);

  const created = await run(shell, first);
  expect(created).toContain('"hello"');
  expect(created).not.toContain('"status":"error"');

  await Bun.write(join(folder, "watch.ts"), here(program));
  await using watcher = new Running([process.execPath, "watch.ts"], folder);
  await watcher.until(/body: "hello",/);
  const changed = await run(shell, changes);
  expect(changed.match(/"row_count":1,"message":"(Inserted|Updated|Deleted) 1 row\(s\)"/g)).toHaveLength(3);
  await watcher.until(/body: "how are you",/);
  await watcher.until(/body: "hello again",/);

  const flushed = await run(shell, flush);
  expect(flushed).toContain("Storage flush started for table 'chat.notes'");
  expect(flushed).toContain('"hello again"');
  expect(flushed).not.toContain('"status":"error"');
});

test("CL-03 the terminal client of the README runs what it is shown to run", async () => {
  const [first = ""] = blocks("sh");
  const [commands = ""] = blocks("sh", "## At a terminal");
  await using shell = new Running(["bash"], folder);
  await run(shell, first);
  const printed = await run(shell, commands);
  expect(printed).toContain("| hello");
  expect(printed).toContain("USER table chat.notes");
  expect(printed).toContain("answer\n42\n");
  expect(printed).toMatch(/\[\{"notes":"\d+"\}\]/);
});

test("what the server prints at its start can be pasted into a shell", async () => {
  await using other = new Running(
    [process.execPath, join(ROOT, "src/main.ts"), "serve", "--port", "0", "--data-dir", join(folder, "reader's data")],
    folder,
  );
  const printed = await other.until(/AS now"\}'\n/);
  const commands = printed.slice(printed.indexOf("another terminal:\n") + "another terminal:\n".length);
  await using shell = new Running(["bash"], folder);
  expect(await run(shell, commands)).toContain('"rows":[[2,');
});

test("the program of the README is typed right", async () => {
  const [program = ""] = blocks("ts");
  await Bun.write(join(folder, "typed.ts"), program.replace("./src/", `${ROOT}src/`));
  const config = {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: { typeRoots: [join(ROOT, "node_modules")], types: ["bun-types"] },
    include: [],
    files: [join(folder, "typed.ts")],
  };
  await Bun.write(join(folder, "tsconfig.json"), JSON.stringify(config));
  const tsc = Bun.spawnSync([process.execPath, "x", "tsc", "-p", join(folder, "tsconfig.json")], { cwd: ROOT });
  expect(tsc.stdout.toString()).toBe("");
  expect(tsc.exitCode).toBe(0);
});
