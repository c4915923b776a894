// The bounds of live delivery. What happens at each bound is stated beside it; none of them loses a change silently.

export interface LiveLimits {
  /** At the bound a subscribe is refused with UNSUPPORTED. */
  readonly subscriptionsPerConnection: number;
  /** At the bound a subscribe is refused with SUBSCRIPTION_LIMIT_EXCEEDED. */
  readonly subscriptionsPerUser: number;
  /** A subscribe with a longer id is refused with INVALID_SUBSCRIPTION_ID. */
  readonly subscriptionIdLength: number;
  /** Rows of a page when the client names no `batch_size`. */
  readonly batchRows: number;
  /** A larger `batch_size` is cut to this. */
  readonly maxBatchRows: number;
  /** Rows asked of the row source at a time; larger pages are put together from several reads. */
  readonly readRows: number;
  /** A client that never pages gets this many rows in batch 0; further batches of this size are pushed to it. */
  readonly unpagedRows: number;
  /**
   * Row changes (and bytes of their frames) a group holds for subscribers that are still loading. At the bound they are forgotten, and
   * those subscribers read them from the table's history instead.
   */
  readonly heldChanges: number;
  readonly heldBytes: number;
  /** Bytes held by all groups together. At the bound the group that would pass it forgets what it holds. */
  readonly heldBytesTotal: number;
  /** Changes that wait for a query process to say whether they match. At the bound their live query ends with SERVER_BUSY. */
  readonly undecidedChanges: number;
  /** Rows that a query which is run again may select. At the bound it ends with RESULT_TOO_LARGE. */
  readonly rerunRows: number;
  /** Rows kept for all such queries together. The one that would pass the bound ends with SERVER_BUSY. */
  readonly rerunRowsTotal: number;
  /** Query processes asked at a time for the upkeep of live queries; the others wait their turn, each group at most once. */
  readonly upkeepAtOnce: number;
  /**
   * With more than this waiting in a socket, the next page is read when the socket has drained, and changes of subscriptions with the policy `latest`
   * are squashed until then.
   */
  readonly pushAheadBytes: number;
  /** Keys with a squashed change that a slow subscription may have waiting. At the bound its socket is closed as a slow consumer. */
  readonly latestKeys: number;
  /** Pages read at a time for one connection; the others wait their turn. */
  readonly readsPerConnection: number;
  /** Pages read at a time for all connections; the others wait their turn. What memory answers does not count. */
  readonly readsAtOnce: number;
  /** Pages that may wait. At the bound a subscribe is refused with SERVER_BUSY, and its client is told when to ask again. */
  readonly readsWaiting: number;
  /** Live queries, and their subscribers, that are asked in one go whether an altered table concerns them and whether they may go on; more of them are in slices of so many. */
  readonly judgedAtOnce: number;
  /** Live queries planned again in the tick of the commit that alters their table; more of them are in slices of so many. */
  readonly alteredAtOnce: number;
  /** Changes that wait until all of them are. At the bound the rest is planned at once, however long that takes. */
  readonly undispatchedChanges: number;
  /** Newest versions kept in memory to resume from. At the bound the oldest are forgotten, and who needs them reads history. */
  readonly recentBytes: number;
}

export const DEFAULT_LIVE_LIMITS: LiveLimits = {
  subscriptionsPerConnection: 1_000,
  subscriptionsPerUser: 10_000,
  subscriptionIdLength: 256,
  batchRows: 1_000,
  maxBatchRows: 10_000,
  readRows: 1_000,
  unpagedRows: 20_000,
  heldChanges: 8_192,
  heldBytes: 4 * 1024 * 1024,
  heldBytesTotal: 128 * 1024 * 1024,
  undecidedChanges: 16_384,
  rerunRows: 10_000,
  rerunRowsTotal: 1_000_000,
  upkeepAtOnce: 4,
  pushAheadBytes: 256 * 1024,
  latestKeys: 10_000,
  readsPerConnection: 2,
  readsAtOnce: 2,
  readsWaiting: 50_000,
  judgedAtOnce: 128,
  alteredAtOnce: 40,
  undispatchedChanges: 65_536,
  recentBytes: 16 * 1024 * 1024,
};
