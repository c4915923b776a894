import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeSuccess } from "../../src/protocol/http.ts";
import { SEQ } from "../protocol/layout.ts";
import { startScriptedServer } from "./scripted-server.ts";

const ENTRY = new URL("../../src/link/index.ts", import.meta.url).pathname;

test("CL-01 the library bundles for browsers and uses nothing that only Bun or Node has", async () => {
  const { outputs, success } = await Bun.build({ entrypoints: [ENTRY], target: "browser" });
  expect(success).toBe(true);
  const code = await outputs[0]?.text();
  expect(code).toContain("createClient");
  for (const foreign of [/\bBun\./, /\bBuffer\./, /\bprocess\./, /from "node:/, /require\(/])
    expect(code).not.toMatch(foreign);
});

test.skipIf(Bun.which("node") === null)("CL-01 a query runs in Node, with 64-bit integers exact", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kalam-link-"));
  const reply = encodeSuccess([{ rowCount: 1, message: "Inserted 1 row(s)", asUser: "a", seq: String(SEQ) }], 1);
  await using server = startScriptedServer({ onSql: () => new Response(reply) });
  try {
    await Bun.build({ entrypoints: [ENTRY], target: "node", outdir: folder, naming: "link.mjs" });
    const script = `
      import { createClient } from ${JSON.stringify(join(folder, "link.mjs"))};
      const client = createClient({ url: process.argv[2], auth: { token: "t1" } });
      const { seq } = await client.query("INSERT …", [${SEQ}n]);
      console.log(seq.toString());
    `;
    await Bun.write(join(folder, "run.mjs"), script);
    const node = Bun.spawn(["node", join(folder, "run.mjs"), server.url], { stdout: "pipe", stderr: "inherit" });
    expect((await new Response(node.stdout).text()).trim()).toBe(String(SEQ));
    expect(server.requests[0]?.body).toContain(`[${SEQ}]`);
  } finally {
    await rm(folder, { recursive: true });
  }
});
