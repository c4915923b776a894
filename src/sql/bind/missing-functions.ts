// Functions that PostgreSQL users know and this server does not have, by what stands in the way. Others are unknown names.

const REASONS: Readonly<Record<string, string>> = {
  "everything is UTC": "timeofday",
  "there is no text search":
    "to_tsquery to_tsvector plainto_tsquery phraseto_tsquery websearch_to_tsquery ts_headline ts_rank ts_rank_cd setweight tsvector_to_array similarity word_similarity",
  "there are no sequences": "currval lastval nextval setval",
  "a JSON path has no dates":
    "jsonb_path_exists_tz jsonb_path_match_tz jsonb_path_query_tz jsonb_path_query_array_tz jsonb_path_query_first_tz",
  "rows are no values":
    "json_populate_record json_populate_recordset jsonb_populate_record jsonb_populate_recordset json_to_record json_to_recordset jsonb_to_record jsonb_to_recordset json_object jsonb_object",
  "a transaction takes no locks":
    "pg_advisory_lock pg_advisory_unlock pg_advisory_xact_lock pg_try_advisory_lock pg_try_advisory_xact_lock",
};

const REASON_BY_NAME: ReadonlyMap<string, string> = new Map(
  Object.entries(REASONS).flatMap(([reason, names]) =>
    names.split(" ").map((name): [string, string] => [name, reason]),
  ),
);

/** Why a function of PostgreSQL is missing; undefined for a name nobody expects. */
export function missingBecause(name: string): string | undefined {
  return REASON_BY_NAME.get(name);
}
