// One subscription: runs the effects of its delivery machine against the group, the row source and the socket, and counts what it delivered.
import { assert, DbError } from "../base/errors.ts";
import { type Seq, seqOf } from "../base/ids.ts";
import { resetMessage } from "../protocol/down.ts";
import type { Frame } from "../protocol/frame.ts";
import { gzipFrame } from "../protocol/gzip.ts";
import type { RowChange } from "../protocol/native-encoder.ts";
import type { Connection } from "./connection.ts";
import {
  type Delivery,
  type DeliveryEvent,
  type Effect,
  type Entry,
  open,
  type Start,
  type Step,
  step,
  type World,
} from "./delivery.ts";
import { Addressed, type CommitFrames } from "./encoder.ts";
import type { Stream } from "./frame-log.ts";
import type { Group, Subscriber } from "./group.ts";
import { LatestChanges } from "./latest-changes.ts";
import { toReplayedChange } from "./membership.ts";
import { type Read, readPage } from "./page-reader.ts";
import { difference, type QueryResult, resultPage } from "./query-result.ts";
import { Rerun } from "./rerun.ts";
import type { SubscriptionDeps, SubscriptionRequest } from "./subscription-deps.ts";
import { readAlike, type View } from "./view.ts";

const NO_SEQ = seqOf(0n);

export class Subscription implements Subscriber {
  readonly id: string;
  readonly options: string | undefined;
  readonly connection: Connection<Subscription>;
  readonly group: Group<Subscription>;
  readonly createdAtMs: number;
  /** Undefined where it is the group's. */
  readonly #query: string | undefined;
  readonly #startKind: Start["kind"];
  /** Until it is live. */
  #start: Start | undefined;
  /** Of a subscriber with the policy `latest`. */
  #waiting: LatestChanges | undefined;
  readonly #deps: SubscriptionDeps<Subscription>;
  /** How the client reads rows, and so how it is sent them. */
  #view: View;
  #state: Delivery = { phase: "preparing" };
  /** What is to be read when the group has its next view: by the one it has, it would be wrong. */
  #unread: Read | undefined;
  /** The rows its pages are taken from, when the query is one that is run again; until it is live. */
  #shown: { readonly result: QueryResult; readonly source: Rerun } | undefined;
  #directChanges = 0;
  #lastSeq: Seq | undefined;
  #lastUpdateMs: number;
  /** The group's count of published changes when this subscription joined its topic. */
  #joinedAt: number | undefined;
  /** And the bytes that the topic had been sent then. */
  #joinedAtByte = 0;

  constructor(
    request: SubscriptionRequest,
    at: { readonly connection: Connection<Subscription>; readonly group: Group<Subscription> },
    deps: SubscriptionDeps<Subscription>,
  ) {
    this.id = request.id;
    this.#query = request.query === at.group.query ? undefined : request.query;
    this.options = request.options;
    this.#startKind = request.startKind;
    this.connection = at.connection;
    this.group = at.group;
    this.#view = at.group.view;
    this.#deps = deps;
    this.#waiting = request.slow === "latest" ? this.#newWaiting() : undefined;
    this.createdAtMs = deps.nowMs();
    this.#lastUpdateMs = this.createdAtMs;
  }

  get query(): string {
    return this.#query ?? this.group.query;
  }

  get phase(): Delivery["phase"] {
    return this.#state.phase;
  }

  /** Row changes delivered; the rows of the snapshot are not changes. */
  get changes(): number {
    return this.#directChanges + (this.#joinedAt === undefined ? 0 : this.group.publishedChanges - this.#joinedAt);
  }

  get lastSeq(): Seq | undefined {
    return this.#publishedSinceJoin()?.seq ?? this.#lastSeq;
  }

  get lastUpdateMs(): number {
    return this.#publishedSinceJoin()?.atMs ?? this.#lastUpdateMs;
  }

  #publishedSinceJoin(): { readonly seq: Seq; readonly atMs: number } | undefined {
    const joined = this.#joinedAt !== undefined && this.group.publishedChanges > this.#joinedAt;
    return joined ? this.group.lastPublished : undefined;
  }

  /** Call once, when the group and the connection know of it and changes of its table are dispatched under the version of its plan. `notice` follows the ack. */
  begin(start: Start, notice: Frame | undefined): void {
    if (this.#state.phase !== "preparing") return;
    const { upkeep } = this.group;
    this.#start = start;
    if (!(upkeep instanceof Rerun)) return this.#open(start, notice);
    upkeep.whenRun((result) => {
      if (this.#state.phase !== "preparing") return;
      this.#shown = { result, source: upkeep };
      this.#open(start, notice);
    });
  }

  #open(start: Start, notice: Frame | undefined): void {
    const { kind } = start;
    const opening = this.#view.encoder.opening(this.id, { resumed: kind === "resume", hasData: kind !== "nothing" });
    const first = open(start, this.#world());
    this.#state = first.next;
    for (const frame of [opening, notice]) if (frame !== undefined && !this.#send(frame)) return;
    this.#run(first.effects);
  }

  handle(event: DeliveryEvent): void {
    this.#apply(step(this.#state, event));
  }

  dispatchReached(): void {
    this.handle({ kind: "dispatched", world: this.#world() });
  }

  close(): void {
    this.handle({ kind: "closed" });
  }

  adopt(view: View): void {
    this.#view = view;
  }

  renewed(): void {
    const effect = this.#unread;
    this.#unread = undefined;
    if (effect !== undefined) this.#readAgain(effect);
  }

  /** False: the socket is lost. */
  announce(view: View): boolean {
    if (view === this.#view) return true;
    // What waits is laid out as before, and its bytes wait in the socket from now on.
    if (this.#waiting?.position !== undefined && !this.#sendChanges(this.#waiting.position, this.#waiting.take())) {
      return false;
    }
    const schema = readAlike(this.#view, view) ? undefined : view.encoder.schema();
    this.#view = view;
    if (this.#waiting !== undefined) this.#waiting = this.#newWaiting();
    return schema === undefined || this.#send(schema);
  }

  #newWaiting(): LatestChanges {
    return new LatestChanges(this.#view.plan.table.keyIndex, this.#deps.latestKeys);
  }

  /** Bytes that wait here until the socket has drained; an estimate. */
  get waitingBytes(): number {
    return this.#waiting?.bytes ?? 0;
  }

  /** Monotonic: when the oldest of them came; undefined when none waits. */
  get waitingSinceMs(): number | undefined {
    return this.#waiting?.sinceMs;
  }

  receive(frames: CommitFrames, addressed = new Addressed(frames)): void {
    const waiting = this.#waiting;
    // What waits may not be overtaken.
    if (waiting !== undefined && (waiting.position !== undefined || !this.#deps.isWritable(this.connection))) {
      if (!waiting.add(frames, this.#deps.monotonicMs())) this.#deps.tooSlow(this.connection);
      return;
    }
    if (frames.shared !== undefined) {
      if (!this.#send(frames.shared)) return;
      this.#directChanges += frames.changes.length;
    } else {
      if (!this.#sendAll(addressed.to(this.id))) return;
      this.#directChanges += frames.spliced.length;
    }
    this.#delivered(frames.position);
  }

  receiveProgress(frame: Frame): void {
    if (this.#waiting?.position === undefined) this.#send(frame);
  }

  /** The socket has drained: what was squashed goes out, as one frame. */
  sendWaiting(): void {
    const position = this.#waiting?.position;
    if (position === undefined || !this.#deps.isWritable(this.connection)) return;
    this.#sendChanges(position, this.#waiting?.take() ?? []);
  }

  /** What its topic sent since it joined; undefined when that is nothing. */
  get topicStream(): Stream | undefined {
    const log = this.#joinedAt === undefined ? undefined : this.group.publishedFrames;
    return log === undefined || log.total === this.#joinedAtByte ? undefined : { log, from: this.#joinedAtByte };
  }

  #world(): World {
    // Pages of a result leave out nothing that happened up to its position.
    if (this.#shown !== undefined) return { dispatched: this.#shown.result.position, forgotten: NO_SEQ };
    return { dispatched: this.group.reached(this.#deps.dispatched()), forgotten: this.group.forgotten };
  }

  #apply({ next, effects }: Step): void {
    this.#state = next;
    if (next.phase === "settling") this.#deps.settling.add(this);
    else this.#deps.settling.delete(this);
    this.#run(effects);
  }

  #run(effects: readonly Effect[]): void {
    for (const effect of effects) {
      // A send may have found the socket lost.
      if (this.#state.phase === "closed") return;
      this.#runOne(effect);
    }
  }

  #runOne(effect: Effect): void {
    switch (effect.kind) {
      case "read":
        this.#read(effect);
        return;
      case "batch":
        this.#sendBatch(effect);
        return;
      case "replay":
        this.#replay(effect.entries);
        return;
      case "reset":
        this.#reset(effect.isBegun);
        return;
      case "refuse":
        this.#refuse(effect.because);
        return;
      default:
        this.#goLive(effect.after);
    }
  }

  #read(effect: Read): void {
    const { plan, slots } = this.#view;
    const { scope } = this.group;
    const { source, readRows } = this.#deps;
    const { user } = this.connection.principal;
    const shown = this.#shown?.result;
    const isWanted = (): boolean => this.#state.phase !== "closed";
    this.connection.reads.add(this, async () => {
      try {
        const page =
          shown === undefined
            ? await readPage({ source, plan, slots, scope, user, readRows, isWanted }, effect)
            : resultPage(shown, effect);
        if (page === "outdated") return this.#readAgain(effect);
        if (page === "historyGone") {
          const start = this.#start;
          assert(start !== undefined && "pageRows" in start, "only who wanted data reads history");
          this.handle({ kind: "historyGone", wanted: start });
          return;
        }
        this.#deps.observed(page.position);
        this.handle({ kind: "page", page, world: this.#world() });
      } catch (error) {
        this.#deps.fail(this, error);
      }
    });
  }

  /** In the layout that the table has now, of which the client is told first. The commit that made it may still wait for its turn. */
  #readAgain(effect: Read): void {
    if (this.#state.phase === "closed") return;
    if (this.group.view === this.#view) this.#unread = effect;
    else if (this.announce(this.group.view)) this.#read(effect);
  }

  #sendBatch(effect: Extract<Effect, { kind: "batch" }>): void {
    const { gzip } = this.connection.dialect;
    for (const frame of this.#view.encoder.batch(this.id, effect)) {
      // Rows of initial data are sent to one client; what many share is never compressed.
      if (!this.#send(gzip ? gzipFrame(frame) : frame)) return;
    }
    this.#delivered(effect.through);
  }

  #replay(entries: readonly Entry[]): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    const changes: RowChange[] = entries.map((entry) => toReplayedChange(entry.version, entry.matches));
    this.#sendChanges(last.version.seq, changes);
  }

  #sendChanges(seq: Seq, changes: readonly RowChange[]): boolean {
    if (!this.#sendAll(this.#view.encoder.replay(this.id, seq, changes))) return false;
    this.#directChanges += changes.length;
    this.#delivered(seq);
    return true;
  }

  /** A peer client cannot be told to forget what it was sent: it comes back with a cursor that is answered with a snapshot. */
  #reset(isBegun: boolean): void {
    this.#deps.reset(this);
    if (this.connection.dialect.protocol === "native") this.#send(resetMessage(this.id, "history"));
    else if (isBegun) this.#deps.tooSlow(this.connection);
  }

  #refuse(because: "reading" | "complete"): void {
    const withoutData = this.#startKind === "nothing" || this.#startKind === "empty";
    let message = `Invalid operation: Subscription ${this.id} has no more batches`;
    if (withoutData) message = `Invalid operation: Subscription ${this.id} was created without initial data loading`;
    if (because === "reading") message = `Invalid operation: a batch of subscription ${this.id} is still being read`;
    this.#deps.refuse(this.connection, this.id, new DbError("BATCH_FETCH_FAILED", message));
  }

  /** What was held goes out, then the subscription joins the others, all in one tick: no change can fall between. */
  #goLive(after: Seq): void {
    if (!this.#catchUp()) return;
    for (const { frames, view } of this.group.heldAfter(after)) {
      if (!this.announce(view)) return;
      this.receive(frames);
      if (this.#state.phase === "closed") return;
    }
    if (!this.announce(this.group.view)) return;
    const shares = this.connection.dialect.protocol === "native" && this.#waiting === undefined;
    this.group.promote(this, { shares });
    this.#start = undefined;
  }

  joinedTopic(): void {
    this.#joinedAt = this.group.publishedChanges;
    this.#joinedAtByte = this.group.publishedFrames?.total ?? 0;
  }

  /** Sends what became of the result since its pages were taken. False: the socket is lost. */
  #catchUp(): boolean {
    const shown = this.#shown;
    this.#shown = undefined;
    const now = shown?.source.result;
    if (shown === undefined || now === undefined) return true;
    const changes = difference(shown.result, now);
    return changes.length === 0 || this.#sendChanges(now.position, changes);
  }

  #send(frame: Frame): boolean {
    return this.#sendAll([frame]);
  }

  #sendAll(frames: readonly Frame[]): boolean {
    return this.#deps.send(this.connection, frames);
  }

  #delivered(seq: Seq): void {
    this.#lastSeq = seq;
    this.#lastUpdateMs = this.#deps.nowMs();
  }
}
