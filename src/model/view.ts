// Views that users make: a SELECT under a name. What it reads is decided when it is read, by who reads it.
import type { Name, Seq, TableId } from "../base/ids.ts";
import type { SqlType } from "./sql-type.ts";

export interface ViewSchema {
  readonly namespace: Name;
  readonly name: Name;
  /** Where unqualified names of the text are looked up: the namespace of the request that made it. */
  readonly searchNamespace: Name;
  /** The SELECT as it was written. */
  readonly text: string;
  /** Of the text's outputs when it was made, under the names the view gives them. */
  readonly columns: readonly ViewColumn[];
  /** Every table it reads, through other views too. */
  readonly tables: readonly TableId[];
  /** Every view it reads, `namespace.name`, through others too. */
  readonly views: readonly string[];
  /** Above every position at which the name meant nothing or another text. */
  readonly definedAtSeq?: Seq;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface ViewColumn {
  readonly name: string;
  readonly type: SqlType;
  /** The output of the text that it shows: a column added to a table that `*` stands for moves none. */
  readonly output: string;
}
