// Everyone who asks the same of the same rows in the same notation: one matcher, one encoding of each commit, and for the native protocol
// one topic. A group knows who is live and who still loads; how a subscriber loads is its own business.
import type { Clock } from "../base/clock.ts";
import { type ConnectionId, type Scope, type Seq, seqOf, type TableId } from "../base/ids.ts";
import type { TableSchema } from "../model/schema.ts";
import type { RowChange } from "../protocol/native-encoder.ts";
import type { LivePlan, SlotValues } from "../sql/plan.ts";
import type { Backlogs } from "./backlogs.ts";
import { Addressed, type CommitFrames, type GroupEncoder } from "./encoder.ts";
import { Few } from "./few.ts";
import { FewByKey } from "./few-by-key.ts";
import { FrameLog, type Stream } from "./frame-log.ts";
import { type Held, type HeldBound, type HeldBudget, HeldChanges } from "./held-changes.ts";
import type { Frame, Outlet } from "./ports.ts";
import type { Upkeep } from "./upkeep.ts";
import { readAlike, type View } from "./view.ts";

export interface Subscriber {
  readonly connection: { readonly id: ConnectionId };
  /** A commit's changes, sent to this subscriber alone. */
  receive(frames: CommitFrames, addressed: Addressed): void;
  /** How far the store has come, for a live subscriber outside the topic. */
  receiveProgress(frame: Frame): void;
  /** What is received from now on is laid out so, and the client has been told. */
  adopt(view: View): void;
  /** The same, for a subscriber outside the topic, who tells the client itself. */
  announce(view: View): void;
  /** The group has another view; this subscriber still loads. */
  renewed(): void;
  /** From now on it hears the topic. */
  joinedTopic(): void;
  /** What it heard since; undefined when that is nothing. */
  readonly topicStream: Stream | undefined;
}

/** A table and the rows of it that a query reads. */
export interface TableRead {
  readonly table: TableId;
  readonly scope: Scope;
}

export interface GroupDeps {
  readonly outlet: Outlet;
  readonly backlogs: Pick<Backlogs, "grew" | "left">;
  readonly clock: Clock;
  readonly bound: HeldBound;
  readonly budget: HeldBudget;
}

/** A statement planned for its tables as they are now. */
export interface PlannedLive {
  readonly plan: LivePlan;
  readonly slots: SlotValues;
}

/** A statement as it was subscribed to, with its values. */
export interface LiveStatement {
  /** For its tables as they are now; but for `own`, the version of the table it selects from. */
  plan(own: TableSchema): PlannedLive;
}

export interface GroupIdentity {
  readonly key: string;
  readonly channel: number;
  readonly scope: Scope;
  /** What a change can concern it through beside its own table: the tables of its sub-queries. */
  readonly otherReads: readonly TableRead[];
  /** Planned again after a table of it was altered. */
  readonly statement: LiveStatement;
  /** As its first subscriber wrote it. */
  readonly query: string;
}

const NO_SEQ = seqOf(0n);

export class Group<S extends Subscriber = Subscriber> {
  readonly channel: number;
  readonly scope: Scope;
  readonly statement: LiveStatement;
  readonly query: string;
  readonly #otherReads: readonly TableRead[];
  readonly #deps: GroupDeps;
  #key: string;
  #view: View;
  /** A connection has at most one subscription in a group: a channel, or the order of a group, is never shared. */
  readonly #members = new FewByKey<ConnectionId, S>();
  /** Those of the members that are not live yet; undefined when there are none. */
  #loading: Few<S> | undefined;
  /**
   * Those of the live that are sent their frames one by one: of the peer family, native ones whose changes may have to wait, and the only one for whom a
   * topic would be for nobody else. Undefined when there are none.
   */
  #apart: Few<S> | undefined;
  /** Live and apart for no other reason than that it is the only one: joins the topic with the second. */
  #solo: S | undefined;
  #onTopic = 0;
  /** While somebody loads. */
  #held: HeldChanges | undefined;
  #collected: RowChange[] | undefined;
  #publishedChanges = 0;
  /** Undefined until something was. */
  #publishedFrames: FrameLog | undefined;
  #lastPublished: { readonly seq: Seq; readonly atMs: number } | undefined;
  #isQuiet = true;
  #upkeep: Upkeep | undefined;

  constructor(identity: GroupIdentity, view: View, deps: GroupDeps) {
    this.#key = identity.key;
    this.channel = identity.channel;
    this.scope = identity.scope;
    this.statement = identity.statement;
    this.query = identity.query;
    this.#otherReads = identity.otherReads;
    this.#view = view;
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

  get topic(): string {
    return `live/${this.channel}`;
  }

  /** What a change can concern it through: its own table first, those of its sub-queries after. */
  get reads(): readonly TableRead[] {
    return [{ table: this.plan.table.id, scope: this.scope }, ...this.#otherReads];
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
    return this.#members.size;
  }

  get #liveCount(): number {
    return this.#members.size - (this.#loading?.size ?? 0);
  }

  /** Row changes published to the topic so far: a joined subscriber received those since it joined. */
  get publishedChanges(): number {
    return this.#publishedChanges;
  }

  /** To the topic; undefined when nothing was. */
  get publishedFrames(): FrameLog | undefined {
    return this.#publishedFrames;
  }

  get lastPublished(): { readonly seq: Seq; readonly atMs: number } | undefined {
    return this.#lastPublished;
  }

  /** Held commits up to here may be missing, for those who were loading then. */
  get forgotten(): Seq {
    return this.#held?.forgotten ?? NO_SEQ;
  }

  /** When the oldest held commit came, monotonic; undefined when nothing waits. */
  get oldestHeldMs(): number | undefined {
    return this.#held?.oldestMs;
  }

  heldAfter(position: Seq): Iterable<Held> {
    return this.#held?.after(position) ?? [];
  }

  hasConnection(id: ConnectionId): boolean {
    return this.#members.get(id) !== undefined;
  }

  subscribers(): readonly S[] {
    return this.#members.values();
  }

  /** It loads. */
  add(subscriber: S): void {
    this.#members.set(subscriber.connection.id, subscriber);
    this.#loading ??= new Few();
    this.#loading.add(subscriber);
  }

  /** From loading to live, `shares` the topic or apart from it. What it missed is the caller's to deliver, before. */
  promote(subscriber: S, { shares }: { readonly shares: boolean }): void {
    this.#loaded(subscriber);
    if (!shares) return this.#setApart(subscriber);
    if (this.#liveCount === 1) {
      this.#solo = subscriber;
      return this.#setApart(subscriber);
    }
    if (this.#solo !== undefined) {
      this.#endApart(this.#solo);
      this.#join(this.#solo);
      this.#solo = undefined;
    }
    this.#join(subscriber);
  }

  delete(subscriber: S): void {
    if (!this.hasConnection(subscriber.connection.id)) return;
    const isLoading = this.#loading?.has(subscriber) === true;
    const isApart = this.#apart?.has(subscriber) === true;
    if (!isLoading && !isApart) {
      this.#onTopic -= 1;
      this.#deps.backlogs.left(subscriber.connection.id, subscriber.topicStream);
      this.#deps.outlet.leave(subscriber.connection.id, this.topic);
    }
    this.#members.delete(subscriber.connection.id);
    this.#endApart(subscriber);
    if (this.#solo === subscriber) this.#solo = undefined;
    this.#loaded(subscriber);
  }

  #join(subscriber: S): void {
    this.#onTopic += 1;
    subscriber.joinedTopic();
    this.#deps.outlet.join(subscriber.connection.id, this.topic);
  }

  #setApart(subscriber: S): void {
    this.#apart ??= new Few();
    this.#apart.add(subscriber);
  }

  #endApart(subscriber: S): void {
    this.#apart?.delete(subscriber);
    if (this.#apart?.size === 0) this.#apart = undefined;
  }

  #loaded(subscriber: S): void {
    this.#loading?.delete(subscriber);
    if (this.#loading === undefined || this.#loading.size > 0) return;
    this.#loading = undefined;
    // Whoever comes next reads the store as it is then: what was held and forgotten is nothing to them.
    this.#held?.clear();
    this.#held = undefined;
  }

  collect(change: RowChange): void {
    this.#collected ??= [];
    this.#collected.push(change);
  }

  /** All changes of a commit were seen. Throws what the encoder throws. */
  committed(position: Seq): void {
    if (this.#upkeep !== undefined) return this.#upkeep.committed(position);
    const changes = this.#collected;
    this.#collected = undefined;
    if (changes !== undefined) this.deliver(position, changes);
  }

  /** Sends changes as one atomic group. */
  deliver(position: Seq, changes: readonly RowChange[]): void {
    if (changes.length === 0 || this.size === 0) return;
    const holds = this.#loading !== undefined && this.#upkeep?.holdsChanges !== false;
    if (!holds && this.#liveCount === 0) return;
    const frames = this.encoder.commit(position, changes);
    if (holds) this.#hold(frames);
    if (this.#apart !== undefined) {
      const addressed = new Addressed(frames);
      for (const subscriber of this.#apart) subscriber.receive(frames, addressed);
    }
    this.#isQuiet = false;
    if (frames.shared === undefined || this.#onTopic === 0) return;
    this.#publish(frames.shared);
    this.#publishedChanges += changes.length;
    this.#lastPublished = { seq: position, atMs: this.#deps.clock.nowMs() };
  }

  #publish(frame: Frame): void {
    const { outlet, backlogs } = this.#deps;
    const { bytes, isTaken } = outlet.publish(this.topic, frame);
    this.#publishedFrames ??= new FrameLog();
    this.#publishedFrames.add(bytes, outlet.moment(), isTaken);
    if (!isTaken) backlogs.grew(this.#publishedFrames);
  }

  #hold(frames: CommitFrames): void {
    this.#held ??= new HeldChanges(this.#deps.bound, this.#deps.budget);
    this.#held.push({ frames, view: this.#view, atMs: this.#deps.clock.monotonicMs() });
  }

  /** A table of it was altered. `announce` must follow, in the same tick. */
  renew(key: string, view: View): void {
    this.#key = key;
    this.#view = view;
  }

  /** Live subscribers learn of the new view before the first row of its layout; loading ones when they go live, or need it to read on. */
  announce(before: View): void {
    const schema = readAlike(before, this.#view) ? undefined : this.encoder.schema();
    if (schema !== undefined && this.#onTopic > 0) this.#publish(schema);
    for (const subscriber of this.#members.values()) {
      if (this.#loading?.has(subscriber) === true) subscriber.renewed();
      else if (this.#apart?.has(subscriber) === true) subscriber.announce(this.#view);
      else subscriber.adopt(this.#view);
    }
  }

  /** Tells the live subscribers of a quiet group how far the store has come, so that their cursors do not grow old. */
  publishProgress(position: Seq): void {
    const wasQuiet = this.#isQuiet;
    this.#isQuiet = true;
    if (!wasQuiet || this.#liveCount === 0) return;
    const frame = this.encoder.progress(position);
    if (frame === undefined) return;
    for (const subscriber of this.#apart ?? []) subscriber.receiveProgress(frame);
    if (this.#onTopic > 0) this.#publish(frame);
  }
}
