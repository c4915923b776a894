// The type class of an integer in a plan cache key, by its digits: as PostgreSQL reads it, 32 bits if they hold it, then 64, then numeric.
const MAX_INT = "2147483647";
const MAX_BIGINT = "9223372036854775807";

export function integerMarker(digits: string): "{i}" | "{l}" | "{n}" {
  if (digits.length < MAX_INT.length) return "{i}";
  const significant = digits.replace(/^0+(?=\d)/, "");
  if (isAtMost(significant, MAX_INT)) return "{i}";
  return isAtMost(significant, MAX_BIGINT) ? "{l}" : "{n}";
}

function isAtMost(digits: string, limit: string): boolean {
  return digits.length < limit.length || (digits.length === limit.length && digits <= limit);
}
