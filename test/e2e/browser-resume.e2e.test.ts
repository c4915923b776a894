// What a page in a real browser shows after its network or its server failed: exactly a fresh SELECT. Without a browser on the machine it says so and does not run.
import { expect, test } from "bun:test";
import { freePort } from "../support/free-port.ts";
import { ServerProcess } from "../support/server-process.ts";
import { loginToken, TestUser } from "../support/test-server.ts";
import { until } from "../support/until.ts";
import { BrowserPage, installedBrowser } from "./browser/browser.ts";
import { Network } from "./browser/network.ts";

const browser = installedBrowser();
if (browser === undefined) process.stderr.write("No Chromium is installed: browser-resume.e2e.test.ts does not run.\n");

const SQL = "SELECT id, body FROM app.notes WHERE room = 'a'";

test.skipIf(browser === undefined)(
  "LQ-11 a page in a browser shows a fresh SELECT after its socket was cut, after silence, and after kill -9 of the server",
  async () => {
    await using page = await BrowserPage.serve(new URL("./browser/page.ts", import.meta.url));
    const env = { KALAMDB_SECURITY_CORS_ALLOWED_ORIGINS: page.origin };
    const port = await freePort();
    const first = await ServerProcess.start({ env, port });
    await using _folder = { [Symbol.asyncDispose]: () => first[Symbol.asyncDispose]() };
    const root = new TestUser(first.url, "root", await loginToken(first.url, "root", first.password));
    await root.sql("CREATE NAMESPACE app");
    await root.sql(
      "CREATE SHARED TABLE app.notes (id INT PRIMARY KEY, body TEXT, room TEXT DEFAULT 'a') WITH (ACCESS_LEVEL = 'PUBLIC')",
    );
    await root.sql("INSERT INTO app.notes (id, body) VALUES (1, 'one'), (2, 'two'), (3, 'three'), (4, 'four')");
    using network = new Network(port);
    page.settings = { url: `http://127.0.0.1:${network.port}`, token: root.token, sql: SQL };
    page.open(browser ?? "");

    const showsFreshSelect = async (): Promise<void> => {
      const rows = (await root.rows(`${SQL} ORDER BY id`)).map((row) => row.map(String));
      const fresh = JSON.stringify(rows);
      await until(
        () => page.text === fresh,
        () => `shown: ${page.text} ${page.error ?? ""}\nfresh: ${fresh}`,
      );
    };
    /** It came back with its cursor: what it shows is not a new snapshot. */
    const resumedConnections = async (): Promise<readonly unknown[]> =>
      root.rows("SELECT connection_id FROM system.live_queries WHERE options->>'from' IS NOT NULL");
    await showsFreshSelect();
    expect(await resumedConnections()).toEqual([]);

    network.cut();
    await root.sql("INSERT INTO app.notes (id, body) VALUES (5, 'five')");
    await root.sql("UPDATE app.notes SET body = 'zwei' WHERE id = 2");
    await root
      .sql("UPDATE app.notes SET id = 104 WHERE id = 4")
      .catch(() => root.sql("DELETE FROM app.notes WHERE id = 4"));
    await root.sql("DELETE FROM app.notes WHERE id = 3");
    network.restore();
    await showsFreshSelect();
    expect(await resumedConnections()).toHaveLength(1);

    network.silence();
    await root.sql("INSERT INTO app.notes (id, body) VALUES (6, 'six')");
    await root.sql("DELETE FROM app.notes WHERE id = 1");
    await showsFreshSelect();

    await root.sql("INSERT INTO app.notes (id, body) VALUES (7, 'seven')");
    await first.end("SIGKILL");
    await using _second = await ServerProcess.start({ env, port, folder: first.folder, password: first.password });
    await root.sql("DELETE FROM app.notes WHERE id = 5");
    await root.sql("UPDATE app.notes SET body = 'sechs' WHERE id = 6");
    await showsFreshSelect();
    expect(await resumedConnections()).toHaveLength(1);
    // And it goes on.
    await root.sql("INSERT INTO app.notes (id, body) VALUES (8, 'eight')");
    await showsFreshSelect();
  },
  240_000,
);
