// Runs in the browser: shows a live query as an application would, and tells the test what it shows.
import { createClient } from "../../../src/link/index.ts";

interface Settings {
  readonly url: string;
  readonly token: string;
  readonly sql: string;
}

const settings = (await (await fetch("/settings")).json()) as Settings;
const client = createClient({
  url: settings.url,
  auth: { token: settings.token },
  reconnect: { initialDelayMs: 20, maxDelayMs: 100 },
  // A busy machine must not look like a silent network, which has a page come back that was never away.
  connectTimeoutMs: 6_000,
  pingIntervalMs: 2_000,
});
const live = client.live(settings.sql);
let shown = 0;

/** Numbered, because the network may turn them round. */
function show(): void {
  shown += 1;
  const rows = live.rows().map((row) => Object.values(row).map(String));
  document.body.textContent = JSON.stringify(rows);
  void fetch("/shown", {
    method: "POST",
    body: JSON.stringify({ number: shown, text: document.body.textContent, error: live.error?.code }),
  });
}

live.onChange(show);
await live.ready;
show();
