// A real browser on one page that keeps telling what it shows. Chromium without a window, steered by nothing but the page's own script.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Undefined: there is none on this machine. */
export function installedBrowser(): string | undefined {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    const path = Bun.which(name);
    if (path !== null) return path;
  }
  return undefined;
}

interface Shown {
  readonly number: number;
  readonly text: string;
  readonly error?: string;
}

export class BrowserPage implements AsyncDisposable {
  readonly #host: Bun.Server<undefined>;
  readonly #folder: string;
  #browser: Bun.Subprocess | undefined;
  #shown: Shown = { number: 0, text: "" };

  private constructor(script: string, folder: string) {
    this.#folder = folder;
    this.#host = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      routes: {
        "/": new Response("<!doctype html><title>live</title><body></body><script type=module src=/page.js></script>", {
          headers: { "content-type": "text/html" },
        }),
        "/page.js": new Response(script, { headers: { "content-type": "text/javascript" } }),
        "/shown": {
          POST: async (request) => {
            const shown = (await request.json()) as Shown;
            if (shown.number > this.#shown.number) this.#shown = shown;
            return new Response();
          },
        },
        "/settings": () => Response.json(this.settings),
      },
    });
  }

  /** What the page's script asks for when it begins. */
  settings: unknown;

  get origin(): string {
    return this.#host.url.origin;
  }

  /** What the page has in its body by now. */
  get text(): string {
    return this.#shown.text;
  }

  get error(): string | undefined {
    return this.#shown.error;
  }

  /** Serves the script, bundled as a web application's would be. */
  static async serve(script: URL): Promise<BrowserPage> {
    const built = await Bun.build({ entrypoints: [script.pathname], target: "browser", format: "esm" });
    const [bundle] = built.outputs;
    if (bundle === undefined) throw new Error("the page has no script");
    return new BrowserPage(await bundle.text(), await mkdtemp(join(tmpdir(), "kalamdb-browser-")));
  }

  open(browser: string): void {
    this.#browser = Bun.spawn(
      [
        browser,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--remote-debugging-port=0",
        `--user-data-dir=${this.#folder}`,
        `${this.origin}/`,
      ],
      { stdout: "ignore", stderr: "ignore" },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#browser?.kill("SIGTERM");
    await this.#browser?.exited;
    await this.#host.stop(true);
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
