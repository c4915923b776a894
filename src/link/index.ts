// The published entry of the client library: what applications may import.
export type { FileRef } from "../model/file-ref.ts";
export { type AccountOptions, refreshTokens, signIn, signOut, type Tokens } from "./account.ts";
export type { BackoffOptions } from "./backoff.ts";
export {
  type ClientOptions,
  createClient,
  type DownloadOptions,
  type KalamClient,
  type LiveOptions,
  type QueryOptions,
  type SubscribeOptions,
  type SubscriptionInfo,
} from "./client.ts";
export type { ConnectionState } from "./connection.ts";
export type { Auth, Secret } from "./credentials.ts";
export type { Key, SubscriptionEvent } from "./feed.ts";
export { type FileParts, parseFileRef } from "./files.ts";
export type { Health } from "./http-api.ts";
export { KalamError } from "./kalam-error.ts";
export type { LiveListener, LiveSet } from "./live-set.ts";
export type { QueryResult } from "./query-result.ts";
export type { CompareRows, RowDifference } from "./row-set.ts";
export type { Subscription } from "./subscription.ts";
export { type Column, compareValues, type Param, type Row, type Value } from "./value.ts";
export type { WebSocketConstructor, WebSocketLike } from "./web-socket.ts";
