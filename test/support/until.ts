/** What a busy machine may take; a test that needs longer than this has no time left to say what it waited for. */
const WAIT_MS = 50_000;
const LOOK_EVERY_MS = 5;

/** Waits for what comes of itself. Throws what was waited for when it does not come, and how things are then. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  what: string | (() => string) = "what should have come",
): Promise<void> {
  const endsAt = performance.now() + WAIT_MS;
  while (!(await isSo())) {
    if (performance.now() > endsAt) throw new Error(`waited in vain: ${typeof what === "string" ? what : what()}`);
    await Bun.sleep(LOOK_EVERY_MS);
  }
}
