// Every function and operator there is, one import line for each file. A name appears once.

import { arrayCat } from "./array/array-cat.ts";
import { arrayElement } from "./array/array-element.ts";
import { arrayOfFunction } from "./array/array-of.ts";
import { arrayPlaces } from "./array/array-places.ts";
import { arrayFill, arrayPlacesOf, arrayPosition, arrayRemove, arrayReplace } from "./array/array-search.ts";
import { arrayDims, arrayLength, arrayLower, arrayNdims, arrayUpper, cardinality } from "./array/array-size.ts";
import { arraySlice } from "./array/array-slice.ts";
import { arrayCompare, arrayContained, arrayContains, arrayOverlaps } from "./array/array-test.ts";
import { jsonOfArray } from "./array/array-to-json.ts";
import { arrayToString } from "./array/array-to-string.ts";
import { stringToArray } from "./array/string-to-array.ts";
import { trimArray } from "./array/trim-array.ts";
import type { FunctionDefinition } from "./definition.ts";
import {
  cosineDistance,
  dot,
  innerProduct,
  l1Distance,
  l2Distance,
  negativeInnerProduct,
  vectorDimensions,
  vectorNorm,
} from "./embedding/distance.ts";
import { clockTimestamp } from "./generate/clock-timestamp.ts";
import { genRandomUuid } from "./generate/gen-random-uuid.ts";
import { random } from "./generate/random.ts";
import { snowflakeId } from "./generate/snowflake-id.ts";
import { ulid } from "./generate/ulid.ts";
import { uuidV7 } from "./generate/uuid-v7.ts";
import { decimalAverage, decimalSum } from "./internal/decimal-total.ts";
import { intervalAverage, intervalSum } from "./internal/interval-total.ts";
import { raise } from "./internal/raise.ts";
import { jsonArrayLength, jsonbArrayLength } from "./json/array-length.ts";
import { jsonBuildArray, jsonBuildObject } from "./json/build.ts";
import { jsonContained } from "./json/contained.ts";
import { jsonbContains } from "./json/contains.ts";
import { jsonbExtractPath, jsonbExtractPathText, jsonExtractPath, jsonExtractPathText } from "./json/extract-path.ts";
import { jsonGet, jsonGetPath, jsonGetPathText, jsonGetText } from "./json/get.ts";
import {
  jsonAsTextFunction,
  jsonContains,
  jsonGetBool,
  jsonGetFloat,
  jsonGetInt,
  jsonGetStr,
  jsonLength,
} from "./json/get-scalar.ts";
import { jsonHasKey } from "./json/has-key.ts";
import {
  jsonbPathExists,
  jsonbPathMatch,
  jsonbPathQueryArray,
  jsonbPathQueryFirst,
  jsonPathFinds,
  jsonPathIs,
  jsonPathRows,
} from "./json/path-functions.ts";
import { jsonbPretty } from "./json/pretty.ts";
import { jsonRemovePath } from "./json/remove.ts";
import { jsonbInsert, jsonbSet } from "./json/set.ts";
import { jsonSetRows } from "./json/set-rows.ts";
import { jsonbStripNulls, jsonStripNulls } from "./json/strip-nulls.ts";
import { toJson, toJsonb } from "./json/to-json.ts";
import { jsonbTypeof, jsonTypeof } from "./json/typeof.ts";
import { abs } from "./numeric/abs.ts";
import { ceil, ceiling } from "./numeric/ceil.ts";
import { numNonnulls, numNulls } from "./numeric/count-nulls.ts";
import { div } from "./numeric/div.ts";
import { gcd, lcm } from "./numeric/divisor.ts";
import { exp } from "./numeric/exp.ts";
import { greatest, least } from "./numeric/extreme.ts";
import { factorial } from "./numeric/factorial.ts";
import { floor } from "./numeric/floor.ts";
import { ln, log, log10 } from "./numeric/logarithm.ts";
import { pi } from "./numeric/pi.ts";
import { pow, power } from "./numeric/power.ts";
import { round } from "./numeric/round.ts";
import { sign } from "./numeric/sign.ts";
import { sqrt } from "./numeric/sqrt.ts";
import { TRIGONOMETRY } from "./numeric/trigonometry.ts";
import { trunc } from "./numeric/trunc.ts";
import { widthBucket } from "./numeric/width-bucket.ts";
import { add } from "./operators/add.ts";
import { bitAnd, bitNot, bitOr, bitXor, shiftLeft, shiftRight } from "./operators/bitwise.ts";
import { concatenate } from "./operators/concatenate.ts";
import { divide } from "./operators/divide.ts";
import { ilike, like } from "./operators/like.ts";
import { matchRegexp, matchRegexpIgnoreCase } from "./operators/match-regexp.ts";
import { mod, modulo } from "./operators/modulo.ts";
import { multiply } from "./operators/multiply.ts";
import { negate } from "./operators/negate.ts";
import { subtract } from "./operators/subtract.ts";
import { age } from "./temporal/age.ts";
import { dateBin } from "./temporal/date-bin.ts";
import { datePart, extract } from "./temporal/date-part.ts";
import { dateTrunc } from "./temporal/date-trunc.ts";
import { intervalKeyFunction } from "./temporal/interval-key.ts";
import { intervalRound } from "./temporal/interval-round.ts";
import { justifyDays, justifyHours, justifyInterval } from "./temporal/justify.ts";
import { makeDateFunction } from "./temporal/make-date.ts";
import { makeInterval } from "./temporal/make-interval.ts";
import { makeTimeFunction, makeTimestamp, makeTimestamptz } from "./temporal/make-time.ts";
import { toDate } from "./temporal/read-pattern.ts";
import { timezone } from "./temporal/timezone.ts";
import { toChar } from "./temporal/to-char.ts";
import { toTimestamp } from "./temporal/to-timestamp.ts";
import { ascii } from "./text/ascii.ts";
import { bitLength } from "./text/bit-length.ts";
import { chr } from "./text/chr.ts";
import { concat } from "./text/concat.ts";
import { concatWs } from "./text/concat-ws.ts";
import { convertFrom, convertTo } from "./text/convert.ts";
import { decode } from "./text/decode.ts";
import { encode } from "./text/encode.ts";
import { format } from "./text/format.ts";
import { initcap } from "./text/initcap.ts";
import { left } from "./text/left.ts";
import { characterLength, charLength, length } from "./text/length.ts";
import { lower } from "./text/lower.ts";
import { md5 } from "./text/md5.ts";
import { octetLength } from "./text/octet-length.ts";
import { overlay } from "./text/overlay.ts";
import { lpad, rpad } from "./text/pad.ts";
import { position, strpos } from "./text/position.ts";
import { quoteIdent, quoteLiteralFunction, quoteNullable } from "./text/quote.ts";
import { regexpCount } from "./text/regexp-count.ts";
import { regexpInstr } from "./text/regexp-instr.ts";
import { regexpLike } from "./text/regexp-like.ts";
import { regexpMatch, regexpMatchRows, regexpSplitToArray } from "./text/regexp-match.ts";
import { regexpReplace } from "./text/regexp-replace.ts";
import { regexpSubstr } from "./text/regexp-substr.ts";
import { repeat } from "./text/repeat.ts";
import { replace } from "./text/replace.ts";
import { reverse } from "./text/reverse.ts";
import { right } from "./text/right.ts";
import { sha224, sha256, sha384, sha512 } from "./text/sha2.ts";
import { similarTo, substringRegexp } from "./text/similar-to.ts";
import { splitPart } from "./text/split-part.ts";
import { startsWith } from "./text/starts-with.ts";
import { substr, substring } from "./text/substring.ts";
import { toHex } from "./text/to-hex.ts";
import { translate } from "./text/translate.ts";
import { btrim, ltrim, rtrim, trim } from "./text/trim.ts";
import { upper } from "./text/upper.ts";

export const FUNCTIONS: readonly FunctionDefinition[] = [
  random,
  snowflakeId,
  ulid,
  uuidV7,
  jsonArrayLength,
  jsonbArrayLength,
  jsonContains,
  jsonbContains,
  jsonbPathExists,
  jsonbPathMatch,
  jsonbPathQueryArray,
  jsonbPathQueryFirst,
  jsonPathFinds,
  jsonPathIs,
  jsonPathRows,
  jsonExtractPath,
  jsonExtractPathText,
  jsonbExtractPath,
  jsonbExtractPathText,
  jsonGetStr,
  jsonGetInt,
  jsonGetFloat,
  jsonGetBool,
  jsonAsTextFunction,
  jsonLength,
  jsonGet,
  jsonGetText,
  jsonGetPath,
  jsonGetPathText,
  jsonHasKey,
  jsonTypeof,
  jsonbTypeof,
  abs,
  ceil,
  ceiling,
  exp,
  greatest,
  least,
  floor,
  ln,
  log,
  log10,
  pi,
  power,
  pow,
  round,
  sign,
  sqrt,
  trunc,
  add,
  concatenate,
  divide,
  like,
  ilike,
  matchRegexp,
  matchRegexpIgnoreCase,
  modulo,
  mod,
  multiply,
  negate,
  subtract,
  age,
  dateBin,
  intervalAverage,
  intervalKeyFunction,
  intervalSum,
  intervalRound,
  justifyDays,
  justifyHours,
  justifyInterval,
  makeInterval,
  datePart,
  extract,
  dateTrunc,
  makeDateFunction,
  toChar,
  toTimestamp,
  ascii,
  chr,
  concatWs,
  concat,
  decode,
  encode,
  initcap,
  left,
  length,
  charLength,
  characterLength,
  lower,
  md5,
  octetLength,
  lpad,
  rpad,
  position,
  strpos,
  repeat,
  replace,
  reverse,
  right,
  splitPart,
  startsWith,
  substring,
  substr,
  btrim,
  ltrim,
  rtrim,
  trim,
  upper,
  decimalAverage,
  raise,
  jsonSetRows,
  decimalSum,
  clockTimestamp,
  genRandomUuid,
  jsonBuildArray,
  jsonBuildObject,
  jsonContained,
  jsonbPretty,
  jsonRemovePath,
  jsonbInsert,
  jsonbSet,
  jsonbStripNulls,
  jsonStripNulls,
  toJson,
  toJsonb,
  numNonnulls,
  numNulls,
  div,
  gcd,
  lcm,
  factorial,
  ...TRIGONOMETRY,
  widthBucket,
  bitAnd,
  bitNot,
  bitOr,
  bitXor,
  shiftLeft,
  shiftRight,
  bitLength,
  convertFrom,
  convertTo,
  format,
  overlay,
  quoteIdent,
  quoteLiteralFunction,
  quoteNullable,
  regexpCount,
  regexpInstr,
  regexpLike,
  regexpReplace,
  regexpSubstr,
  sha224,
  sha256,
  sha384,
  sha512,
  toHex,
  translate,
  cosineDistance,
  dot,
  innerProduct,
  l1Distance,
  l2Distance,
  negativeInnerProduct,
  vectorDimensions,
  vectorNorm,
  makeTimeFunction,
  makeTimestamp,
  toDate,
  arrayCat,
  arrayElement,
  arrayOfFunction,
  arrayPlaces,
  arrayFill,
  arrayPlacesOf,
  arrayPosition,
  arrayRemove,
  arrayReplace,
  arrayDims,
  arrayLength,
  arrayLower,
  arrayNdims,
  arrayUpper,
  cardinality,
  arraySlice,
  arrayCompare,
  arrayContained,
  arrayContains,
  arrayOverlaps,
  jsonOfArray,
  arrayToString,
  stringToArray,
  trimArray,
  regexpMatch,
  regexpMatchRows,
  regexpSplitToArray,
  similarTo,
  substringRegexp,
  makeTimestamptz,
  timezone,
];
