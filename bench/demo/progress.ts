// A progress bar on a terminal, a line at every quarter elsewhere.

const WIDTH = 32;
const REDRAW_MS = 100;

export class Progress {
  readonly #total: number;
  readonly #isTerminal: boolean;
  #done = 0;
  #drawnAt = 0;
  #quarter = 0;

  constructor(total: number, isTerminal: boolean = process.stdout.isTTY === true) {
    this.#total = Math.max(1, total);
    this.#isTerminal = isTerminal;
  }

  advance(note: () => string): void {
    this.#done += 1;
    const fraction = this.#done / this.#total;
    if (this.#isTerminal) this.#draw(fraction, note);
    else if (Math.floor(fraction * 4) > this.#quarter) {
      this.#quarter = Math.floor(fraction * 4);
      process.stdout.write(`${String(this.#quarter * 25).padStart(3)} %  ${note()}\n`);
    }
  }

  #draw(fraction: number, note: () => string): void {
    const now = performance.now();
    if (now - this.#drawnAt < REDRAW_MS && fraction < 1) return;
    this.#drawnAt = now;
    const filled = Math.round(fraction * WIDTH);
    const bar = `${"█".repeat(filled)}${"░".repeat(WIDTH - filled)}`;
    process.stdout.write(
      `\r${bar} ${String(Math.floor(fraction * 100)).padStart(3)} %  ${note()}\u001b[K${fraction >= 1 ? "\n" : ""}`,
    );
  }
}
