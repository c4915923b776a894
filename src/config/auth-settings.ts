// The settings of identity: secrets, tokens, issuers.
import { setting } from "./setting.ts";
import { boolean, integer, issuerList, optionalText, secretText, textList } from "./value-type.ts";

export const AUTH_SETTINGS = {
  "auth.jwt_secret": setting({
    type: secretText,
    fallback: undefined,
    help: "Secret that signs tokens, at least 32 bytes, at least 8 different ones. Unset: a random one is made and kept in the data folder.",
    env: ["KALAMDB_JWT_SECRET"],
    secret: true,
  }),
  "auth.root_password": setting({
    type: secretText,
    fallback: undefined,
    help: "Password of root, applied at every start. Unset: a random one is made on first start. Empty in server.toml: the server waits for /v1/api/auth/setup.",
    env: ["KALAMDB_ROOT_PASSWORD"],
    secret: true,
  }),
  "auth.jwt_expiry_hours": setting({
    type: integer({ min: 1, max: 8760, unit: "hours", metavar: "HOURS" }),
    fallback: 24,
    help: "Life of an access token; a refresh token lives seven times as long.",
    env: ["KALAMDB_JWT_EXPIRY_HOURS"],
  }),
  "auth.cookie_secure": setting({
    type: boolean,
    fallback: true,
    help: "Mark cookies Secure when the request came over https.",
    env: ["KALAMDB_COOKIE_SECURE"],
  }),
  "auth.allow_remote_setup": setting({
    type: boolean,
    fallback: false,
    help: "Let first-run setup be done from another machine.",
    env: ["KALAMDB_ALLOW_REMOTE_SETUP"],
  }),
  "auth.jwt_trusted_issuers": setting({
    type: issuerList,
    fallback: [],
    help: "OpenID Connect issuers whose tokens are accepted for users created WITH OAUTH; the exact text of their iss claim.",
    env: ["KALAMDB_JWT_TRUSTED_ISSUERS"],
  }),
  "auth.jwt_audiences": setting({
    type: textList,
    fallback: [],
    help: "One of these must be in the aud claim of a trusted issuer's token; unset accepts tokens it made for any application.",
  }),
  "auth.localhost_user": setting({
    type: optionalText("USER", "a user's id, or nothing"),
    fallback: "",
    help: "Requests from this machine that bring no credential act as this user; never those that came through a proxy. Unset: they are refused.",
  }),
  "auth.min_password_length": setting({
    type: integer({ min: 1, max: 72, unit: "characters" }),
    fallback: 8,
    help: "Shortest password accepted.",
  }),
  "auth.enforce_password_complexity": setting({
    type: boolean,
    fallback: false,
    help: "Require upper case, lower case, digit and special character in passwords.",
  }),
};
