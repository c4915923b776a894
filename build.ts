// Makes the one binary: `bun run build [--outfile FILE] [--target bun-linux-arm64 …]`. Everything it needs is inside: the parser's WebAssembly and the programs of
// the threads; its other processes are the binary itself, started again.
import { parseArgs } from "node:util";
import type { BunPlugin } from "bun";

/** The thread that folds the log, and the one that reads and writes Parquet: each is a program of its own, found by its place beside the main one. */
const THREADS = ["src/storage/hot/checkpoint-worker.ts", "src/storage/cold/flush-worker.ts"] as const;

const PARSER_LOADER = 'locateFile("libpg-query.wasm")';

/** The parser looks for its WebAssembly beside itself, in a folder that is not there where the binary runs. */
const embeddedParser: BunPlugin = {
  name: "embedded parser",
  setup(build) {
    build.onLoad({ filter: /libpg-query\/wasm\/libpg-query\.js$/ }, async ({ path }) => {
      const source = await Bun.file(path).text();
      if (!source.includes(PARSER_LOADER))
        throw new Error(`${path} finds its WebAssembly otherwise than ${PARSER_LOADER}`);
      return { contents: source.replace(PARSER_LOADER, 'require("./libpg-query.wasm")'), loader: "js" };
    });
  },
};

const { values } = parseArgs({
  options: { outfile: { type: "string", default: "dist/kalamdb" }, target: { type: "string" } },
});
const { outfile, target } = values;
await Bun.build({
  entrypoints: ["src/main.ts", ...THREADS],
  // Threads are found by where they lie from here.
  root: "src",
  compile: target === undefined ? { outfile } : { outfile, target: target as Bun.Build.CompileTarget },
  minify: true,
  bytecode: true,
  format: "esm",
  loader: { ".wasm": "file" },
  plugins: [embeddedParser],
});
process.stdout.write(`${outfile}: ${Math.round(Bun.file(outfile).size / 1e6)} MB\n`);
