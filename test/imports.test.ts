// The folder table of specs/architecture.md, as a test: what each folder of src may import.
import { expect, test } from "bun:test";
import { Glob } from "bun";

const FOUNDATION = ["base", "model"];
const ALLOWED: Record<string, readonly string[]> = {
  base: [],
  model: ["base"],
  config: FOUNDATION,
  protocol: FOUNDATION,
  sql: FOUNDATION,
  auth: [...FOUNDATION, "config"],
  storage: [...FOUNDATION, "config"],
  live: [...FOUNDATION, "protocol", "sql"],
  engine: [...FOUNDATION, "config", "protocol", "sql", "auth", "storage", "live"],
  jobs: [...FOUNDATION, "config", "protocol", "sql", "auth", "storage", "live", "engine"],
  server: [...FOUNDATION, "config", "protocol", "sql", "auth", "storage", "live", "engine", "jobs", "ui"],
  link: [...FOUNDATION, "protocol"],
  cli: [...FOUNDATION, "protocol", "config", "link"],
  ui: ["link"],
  "main.ts": ["server", "cli", "config", "base"],
};

const root = `${import.meta.dir}/../src/`;
const files = [...new Glob("**/*.ts").scanSync(root)].sort();

function targets(file: string, source: string): string[] {
  const paths = [...source.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map((match) => match[1] ?? "");
  return paths.map((path) => new URL(path, `file:///${file}`).pathname.split("/")[1] ?? "");
}

for (const file of files) {
  const folder = file.split("/")[0] ?? "";
  test(`${file} imports only what its folder may`, async () => {
    const source = await Bun.file(root + file).text();
    const allowed = ALLOWED[folder];
    expect(allowed).toBeDefined();
    expect(targets(file, source).filter((to) => to !== folder && !allowed?.includes(to))).toEqual([]);
  });
}

test("ST-11 nothing outside storage knows which backend keeps a row", async () => {
  const knowing: string[] = [];
  for (const file of files.filter((name) => !name.startsWith("storage/"))) {
    const source = await Bun.file(root + file).text();
    if (/storage\/(stream|backend)\/|row-statements/.test(source)) knowing.push(file);
  }
  expect(knowing).toEqual([]);
});

test("the check finds imports of every form", () => {
  const source = 'import { a } from "../x/a.ts";\nimport "../y/b.ts";\nexport { c } from "./c.ts";';
  expect(targets("z/file.ts", source)).toEqual(["x", "y", "z"]);
});
