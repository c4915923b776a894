// Everyone who asks the same of the same rows in the same notation: one matcher, one encoding of each commit, and for the native protocol
// one topic. A group knows who is live and who still loads; how a subscriber loads is its own business.
import type { Clock } from "../base/clock.ts";
import type { ConnectionId, Scope, Seq } from "../base/ids.ts";
import type { RowChange } from "../protocol/native-encoder.ts";
import type { LivePlan, SlotValues } from "../sql/plan.ts";
import type { CommitFrames, GroupEncoder } from "./encoder.ts";
import { type HeldBound, type HeldBudget, HeldChanges } from "./held-changes.ts";
import type { Outlet } from "./ports.ts";
import { readAlike, type View } from "./view.ts";

export interface Subscriber {
  /** A commit's changes, addressed to this subscriber alone. */
  receive(frames: CommitFrames): void;
  /** What is received from now on is laid out so, and the client has been told. */
  adopt(view: View): void;
}

export interface GroupDeps {
  readonly outlet: Outlet;
  readonly clock: Clock;
  readonly bound: HeldBound;
  readonly budget: HeldBudget;
}

/** A statement planned for its table as it is now. */
export interface PlannedLive {
  readonly plan: LivePlan;
  readonly slots: SlotValues;
}

export interface GroupIdentity {
  readonly key: string;
  readonly topic: string;
  readonly channel: number;
  readonly scope: Scope;
  /** Plans the statement again after its table was altered. */
  readonly replan: () => PlannedLive;
}

export class Group<S extends Subscriber = Subscriber> {
  readonly topic: string;
  readonly channel: number;
  readonly scope: Scope;
  readonly replan: () => PlannedLive;
  readonly held: HeldChanges;
  readonly #deps: GroupDeps;
  #key: string;
  #view: View;
  readonly #loading = new Set<S>();
  readonly #live = new Set<S>();
  #collected: RowChange[] = [];
  #publishedChanges = 0;
  #lastPublished: { readonly seq: Seq; readonly atMs: number } | undefined;
  #isQuiet = true;

  constructor(identity: GroupIdentity, view: View, deps: GroupDeps) {
    this.#key = identity.key;
    this.topic = identity.topic;
    this.channel = identity.channel;
    this.scope = identity.scope;
    this.replan = identity.replan;
    this.#view = view;
    this.held = new HeldChanges(deps.bound, deps.budget);
    this.#deps = deps;
  }

  get key(): string {
    return this.#key;
  }

  get view(): View {
    return this.#view;
  }

  get plan(): LivePlan {
    return this.#view.plan;
  }

  get slots(): SlotValues {
    return this.#view.slots;
  }

  get encoder(): GroupEncoder {
    return this.#view.encoder;
  }

  get size(): number {
    return this.#loading.size + this.#live.size;
  }

  /** Row changes published to the topic so far: a joined subscriber received those since it joined. */
  get publishedChanges(): number {
    return this.#publishedChanges;
  }

  get lastPublished(): { readonly seq: Seq; readonly atMs: number } | undefined {
    return this.#lastPublished;
  }

  subscribers(): readonly S[] {
    return [...this.#loading, ...this.#live];
  }

  add(subscriber: S): void {
    this.#loading.add(subscriber);
  }

  /** From loading to live. What it missed is the caller's to deliver, before. */
  promote(subscriber: S): void {
    this.#loading.delete(subscriber);
    this.#live.add(subscriber);
    if (this.#loading.size === 0) this.held.clear();
  }

  delete(subscriber: S): void {
    this.#live.delete(subscriber);
    this.#loading.delete(subscriber);
    if (this.#loading.size === 0) this.held.clear();
  }

  /** From here on its socket receives what is published. */
  join(connection: ConnectionId): void {
    this.#deps.outlet.join(connection, this.topic);
  }

  leave(connection: ConnectionId): void {
    this.#deps.outlet.leave(connection, this.topic);
  }

  collect(change: RowChange): void {
    this.#collected.push(change);
  }

  /** Sends what was collected, as one atomic group. Throws what the encoder throws. */
  deliver(position: Seq): void {
    const changes = this.#collected;
    this.#collected = [];
    if (changes.length === 0 || this.size === 0) return;
    const frames = this.encoder.commit(position, changes);
    if (this.#loading.size > 0) {
      this.held.push({ frames, view: this.#view, atMs: this.#deps.clock.monotonicMs() });
    }
    if (this.#live.size === 0) return;
    if (frames.shared === undefined) {
      for (const subscriber of this.#live) subscriber.receive(frames);
      return;
    }
    this.#deps.outlet.publish(this.topic, frames.shared);
    this.#publishedChanges += frames.changes;
    this.#lastPublished = { seq: position, atMs: this.#deps.clock.nowMs() };
    this.#isQuiet = false;
  }

  /** The table was altered. Live subscribers learn of it now, before the first row of the new layout; loading ones when they go live. */
  renew(key: string, view: View): void {
    const schema = readAlike(this.#view, view) ? undefined : view.encoder.schema();
    this.#key = key;
    this.#view = view;
    if (schema !== undefined && this.#live.size > 0) this.#deps.outlet.publish(this.topic, schema);
    for (const subscriber of this.#live) subscriber.adopt(view);
  }

  /** Tells the live subscribers of a quiet group how far the store has come, so that their cursors do not grow old. */
  publishProgress(position: Seq): void {
    const wasQuiet = this.#isQuiet;
    this.#isQuiet = true;
    if (!wasQuiet || this.#live.size === 0) return;
    const frame = this.encoder.progress(position);
    if (frame !== undefined) this.#deps.outlet.publish(this.topic, frame);
  }
}
