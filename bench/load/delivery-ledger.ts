// What became of each write of a paced run: due, sent, answered, delivered. Only what was acknowledged can be lost; of the rest it says how far it came, so that nothing
// is counted as lost that the server never had. All times are of one clock.

/** Shown one by one; the others are counted. */
const SHOWN_LOSSES = 4;
const SEQ = /"seq":"(\d+)"/;

export type Answer =
  | { readonly kind: "acknowledged"; readonly body: string }
  /** Refused, or its connection ended: it may have been stored or not. */
  | { readonly kind: "refused" };

export interface LedgerOptions {
  readonly firstId: number;
  readonly messages: number;
  readonly users: number;
  readonly startedAt: number;
  /** What the subscriber of a user has seen, for the report of a loss. */
  readonly storyOf: (user: number) => string;
}

export class DeliveryLedger {
  readonly #options: LedgerOptions;
  readonly #dueAt: Float64Array;
  readonly #sentAt: Float64Array;
  readonly #answeredAt: Float64Array;
  readonly #arrivedAt: Float64Array;
  readonly #isRefused: Uint8Array;
  readonly #seqs: (string | undefined)[] = [];
  #sent = 0;
  #refused = 0;
  #answered = 0;
  /** Acknowledged and not there yet. */
  #underWay = 0;

  constructor(options: LedgerOptions) {
    this.#options = options;
    const { messages } = options;
    this.#dueAt = new Float64Array(messages).fill(Number.NaN);
    this.#sentAt = new Float64Array(messages).fill(Number.NaN);
    this.#answeredAt = new Float64Array(messages).fill(Number.NaN);
    this.#arrivedAt = new Float64Array(messages).fill(Number.NaN);
    this.#isRefused = new Uint8Array(messages);
  }

  /** Every write was answered, and every acknowledged one has arrived. */
  get isComplete(): boolean {
    return this.#answered === this.#options.messages && this.#underWay === 0;
  }

  get acknowledged(): number {
    return this.#answered - this.#refused;
  }

  due(index: number, atMs: number): void {
    this.#dueAt[index] = atMs;
  }

  sent(index: number, atMs: number): void {
    this.#sentAt[index] = atMs;
    this.#sent += 1;
  }

  /** Returns the milliseconds since it was due. */
  answered(index: number, atMs: number, answer: Answer): number {
    this.#answeredAt[index] = atMs;
    this.#answered += 1;
    if (answer.kind === "refused") {
      this.#isRefused[index] = 1;
      this.#refused += 1;
    } else {
      this.#seqs[index] = SEQ.exec(answer.body)?.[1];
      if (!this.#hasArrived(index)) this.#underWay += 1;
    }
    return atMs - (this.#dueAt[index] ?? 0);
  }

  /** Returns the milliseconds since it was due; undefined when it had arrived before. */
  arrived(index: number, atMs: number): number | undefined {
    if (this.#hasArrived(index)) return undefined;
    this.#arrivedAt[index] = atMs;
    if (this.#isAcknowledged(index)) this.#underWay -= 1;
    return atMs - (this.#dueAt[index] ?? 0);
  }

  times(): { readonly dueAt: number; readonly arrivedAt: number }[] {
    return [...this.#dueAt].map((dueAt, index) => ({ dueAt, arrivedAt: this.#arrivedAt[index] ?? Number.NaN }));
  }

  /** One line for all that is missing, one for each of the first losses. */
  faults(): readonly string[] {
    const { messages } = this.#options;
    const lost: number[] = [];
    for (let index = 0; index < messages; index += 1)
      if (this.#isAcknowledged(index) && !this.#hasArrived(index)) lost.push(index);
    const counts = [
      [lost.length, "acknowledged and lost"],
      [messages - this.#sent, "never sent"],
      [this.#sent - this.#answered, "sent and never answered"],
      [this.#refused, "refused"],
    ] as const;
    const told = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
    if (told.length === 0) return [];
    return [`of ${messages} writes: ${told.join(", ")}`, ...lost.slice(0, SHOWN_LOSSES).map((one) => this.#loss(one))];
  }

  #loss(index: number): string {
    const { firstId, users, startedAt, storyOf } = this.#options;
    const at = (times: Float64Array): string => `${Math.round((times[index] ?? Number.NaN) - startedAt)} ms`;
    const user = index % users;
    const seq = this.#seqs[index] ?? "none";
    return `lost: row ${firstId + index} of user ${user}, due at ${at(this.#dueAt)}, sent at ${at(this.#sentAt)}, acknowledged at ${at(this.#answeredAt)} with seq ${seq}; its subscriber: ${storyOf(user)}`;
  }

  #hasArrived(index: number): boolean {
    return !Number.isNaN(this.#arrivedAt[index]);
  }

  #isAcknowledged(index: number): boolean {
    return !Number.isNaN(this.#answeredAt[index]) && this.#isRefused[index] === 0;
  }
}
