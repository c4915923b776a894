// Everyone who asks the same of the same rows in the same notation: one matcher, one encoding of each commit, and for the native protocol
// one topic. A group knows who is live and who still loads; how a subscriber loads is its own business.
import type { Clock } from "../base/clock.ts";
import type { ConnectionId, Scope, Seq, TableId } from "../base/ids.ts";
import type { RowChange } from "../protocol/native-encoder.ts";
import type { LivePlan, SlotValues } from "../sql/plan.ts";
import type { CommitFrames, GroupEncoder } from "./encoder.ts";
import { type HeldBound, type HeldBudget, HeldChanges } from "./held-changes.ts";
import type { Frame, Outlet } from "./ports.ts";
import type { Upkeep } from "./upkeep.ts";
import { readAlike, type View } from "./view.ts";

export interface Subscriber {
  /** A commit's changes, addressed to this subscriber alone. */
  receive(frames: CommitFrames): void;
  /** How far the store has come, for a live subscriber outside the topic. */
  receiveProgress(frame: Frame): void;
  /** What is received from now on is laid out so, and the client has been told. */
  adopt(view: View): void;
  /** The same, for a subscriber outside the topic, who tells the client itself. */
  announce(view: View): void;
}

/** A table and the rows of it that a query reads. */
export interface TableRead {
  readonly table: TableId;
  readonly scope: Scope;
}

export interface GroupDeps {
  readonly outlet: Outlet;
  readonly clock: Clock;
  readonly bound: HeldBound;
  readonly budget: HeldBudget;
}

/** A statement planned for its tables as they are now. */
export interface PlannedLive {
  readonly plan: LivePlan;
  readonly slots: SlotValues;
}

export interface GroupIdentity {
  readonly key: string;
  readonly topic: string;
  readonly channel: number;
  readonly scope: Scope;
  /** What a change can concern it through: its own table first, those of its sub-queries after. */
  readonly reads: readonly TableRead[];
  /** Plans the statement again after a table of it was altered. */
  readonly replan: () => PlannedLive;
}

export class Group<S extends Subscriber = Subscriber> {
  readonly topic: string;
  readonly channel: number;
  readonly scope: Scope;
  readonly reads: readonly TableRead[];
  readonly replan: () => PlannedLive;
  readonly held: HeldChanges;
  readonly #deps: GroupDeps;
  #key: string;
  #view: View;
  readonly #loading = new Set<S>();
  readonly #live = new Set<S>();
  /** Those of the live that are sent their frames one by one: of the peer family, and native ones whose changes may have to wait. */
  readonly #apart = new Set<S>();
  #collected: RowChange[] = [];
  #publishedChanges = 0;
  #lastPublished: { readonly seq: Seq; readonly atMs: number } | undefined;
  #isQuiet = true;
  #upkeep: Upkeep | undefined;

  constructor(identity: GroupIdentity, view: View, deps: GroupDeps) {
    this.#key = identity.key;
    this.topic = identity.topic;
    this.channel = identity.channel;
    this.scope = identity.scope;
    this.reads = identity.reads;
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

  /** Undefined for a filter, which decides in the tick of the commit. */
  get upkeep(): Upkeep | undefined {
    return this.#upkeep;
  }

  /** Once, before the group has subscribers. */
  keepBy(upkeep: Upkeep): void {
    this.#upkeep = upkeep;
  }

  /** How far the group's subscribers can have come when every commit up to `dispatched` was reported. */
  reached(dispatched: Seq): Seq {
    return this.#upkeep === undefined ? dispatched : this.#upkeep.reached(dispatched);
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

  /**
   * From loading to live: on the topic as this connection, or apart from it. What it missed is the caller's to deliver, before.
   */
  promote(subscriber: S, onTopic: ConnectionId | undefined): void {
    this.#loading.delete(subscriber);
    this.#live.add(subscriber);
    if (onTopic === undefined) this.#apart.add(subscriber);
    else this.#deps.outlet.join(onTopic, this.topic);
    if (this.#loading.size === 0) this.held.clear();
  }

  delete(subscriber: S): void {
    this.#live.delete(subscriber);
    this.#apart.delete(subscriber);
    this.#loading.delete(subscriber);
    if (this.#loading.size === 0) this.held.clear();
  }

  leave(connection: ConnectionId): void {
    this.#deps.outlet.leave(connection, this.topic);
  }

  collect(change: RowChange): void {
    this.#collected.push(change);
  }

  /** All changes of a commit were seen. Throws what the encoder throws. */
  committed(position: Seq): void {
    if (this.#upkeep !== undefined) return this.#upkeep.committed(position);
    const changes = this.#collected;
    this.#collected = [];
    this.deliver(position, changes);
  }

  /** Sends changes as one atomic group. */
  deliver(position: Seq, changes: readonly RowChange[]): void {
    if (changes.length === 0 || this.size === 0) return;
    const holds = this.#loading.size > 0 && this.#upkeep?.holdsChanges !== false;
    if (!holds && this.#live.size === 0) return;
    const frames = this.encoder.commit(position, changes);
    if (holds) this.held.push({ frames, view: this.#view, atMs: this.#deps.clock.monotonicMs() });
    for (const subscriber of this.#apart) subscriber.receive(frames);
    this.#isQuiet = false;
    if (frames.shared === undefined || this.#live.size === this.#apart.size) return;
    this.#deps.outlet.publish(this.topic, frames.shared);
    this.#publishedChanges += changes.length;
    this.#lastPublished = { seq: position, atMs: this.#deps.clock.nowMs() };
  }

  /** A table of it was altered. `announce` must follow, in the same tick. */
  renew(key: string, view: View): void {
    this.#key = key;
    this.#view = view;
  }

  /** Live subscribers learn of the new view before the first row of its layout; loading ones when they go live. */
  announce(before: View): void {
    const schema = readAlike(before, this.#view) ? undefined : this.encoder.schema();
    if (schema !== undefined && this.#live.size > this.#apart.size) this.#deps.outlet.publish(this.topic, schema);
    for (const subscriber of this.#live) {
      if (this.#apart.has(subscriber)) subscriber.announce(this.#view);
      else subscriber.adopt(this.#view);
    }
  }

  /** Tells the live subscribers of a quiet group how far the store has come, so that their cursors do not grow old. */
  publishProgress(position: Seq): void {
    const wasQuiet = this.#isQuiet;
    this.#isQuiet = true;
    if (!wasQuiet || this.#live.size === 0) return;
    const frame = this.encoder.progress(position);
    if (frame === undefined) return;
    for (const subscriber of this.#apart) subscriber.receiveProgress(frame);
    if (this.#live.size > this.#apart.size) this.#deps.outlet.publish(this.topic, frame);
  }
}
