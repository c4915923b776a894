// Where settings come from, which source wins, and every way to get one wrong.
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DbError } from "../../src/base/errors.ts";
import { readTextIfThere } from "../../src/base/read-text-if-there.ts";
import { type Config, configOf, settingValue } from "../../src/config/config.ts";
import { helpText, settingsView } from "../../src/config/help.ts";
import { type ConfigSources, loadConfig } from "../../src/config/load-config.ts";
import { envNames, flagName, SETTING_NAMES, type SettingName, settingRow } from "../../src/config/settings.ts";

interface Given {
  readonly argv?: readonly string[];
  readonly env?: Record<string, string>;
  readonly toml?: string;
  readonly file?: string;
}

function sources({ argv = [], env = {}, toml, file = "server.toml" }: Given): ConfigSources {
  return { argv, env, readFile: (path) => (path === file ? toml : undefined) };
}

function load(given: Given): Config {
  const loaded = loadConfig(sources(given));
  if (loaded.kind !== "config") throw new Error(`got ${loaded.kind}`);
  return loaded.config;
}

function faultsOf(given: Given): string {
  try {
    load(given);
  } catch (error) {
    if (error instanceof DbError && error.code === "INVALID_CONFIG") return error.message;
    throw error;
  }
  throw new Error("accepted");
}

test("OP-01 without any source every setting has its default", () => {
  const config = load({});
  expect(config).toEqual(configOf());
  expect(config.server).toEqual({ host: "127.0.0.1", port: 8080 });
  expect(config.storage).toMatchObject({ dataPath: "./data", durability: "full" });
  expect(config.auth.jwtSecret).toBeUndefined();
  expect(config.security.cors.allowedOrigins).toEqual([]);
  expect(config.rateLimit.maxAuthRequestsPerIpPerSec).toBe(20);
});

test("OP-01 every default is a value its own parser accepts", () => {
  for (const name of SETTING_NAMES) {
    const row = settingRow(name);
    if (row.fallback === undefined || (Array.isArray(row.fallback) && row.fallback.length === 0)) continue;
    expect(row.type.parse(row.type.format(row.fallback))).toEqual(row.fallback);
  }
});

describe("OP-01 a flag beats the environment, which beats server.toml, which beats the default", () => {
  const toml = "[server]\nport = 1003\n";
  const env = { KALAMDB_SERVER_PORT: "1002" };
  test.each<[string, Given, number]>([
    ["all three given", { argv: ["--server-port", "1001"], env, toml }, 1001],
    ["no flag", { env, toml }, 1002],
    ["an empty variable counts as unset", { env: { KALAMDB_SERVER_PORT: "" }, toml }, 1003],
    ["only the file", { toml }, 1003],
    ["nothing", {}, 8080],
    ["the short flag", { argv: ["--port", "1001"], env }, 1001],
    ["value after an equals sign", { argv: ["--port=1001"], env }, 1001],
    ["a repeated flag: the last one", { argv: ["--port", "1", "--server-port", "2"] }, 2],
    ["port 0 asks the system for one", { argv: ["--port", "0"] }, 0],
  ])("%s", (_why, given, port) => {
    expect(load(given).server.port).toBe(port);
  });
});

test("OP-01 every setting can be set by its environment variable, and by its flag unless it is a secret", () => {
  for (const name of SETTING_NAMES) {
    const row = settingRow(name);
    const raw = otherValue(name);
    expect(row.type.parse(raw)).not.toEqual(row.fallback);
    for (const variable of envNames(name)) {
      expect(settingValue(load({ env: { [variable]: raw } }), name)).toEqual(row.type.parse(raw));
    }
    const argv = [`${flagName(name)}=${raw}`];
    if (row.secret === true) expect(faultsOf({ argv })).toContain("is not a flag");
    else expect(settingValue(load({ argv }), name)).toEqual(row.type.parse(raw));
  }
});

const OTHER_VALUES: Partial<Record<SettingName, string>> = {
  "server.host": "::1",
  "storage.data_path": "/elsewhere",
  "storage.durability": "normal",
  "storage.s3_access_key_id": "a-key-id",
  "storage.s3_secret_access_key": "a-secret-value",
  "storage.s3_session_token": "a-session-token",
  "auth.jwt_secret": "a-secret-value",
  "auth.root_password": "a-secret-value",
  "metrics.access": "public",
  "security.table_definition_role": "service",
  "logging.level": "debug",
  "logging.logs_path": "/var/log/kalamdb",
  "logging.format": "compact",
  "security.cors.allowed_origins": "https://a.example",
  "auth.jwt_trusted_issuers": "https://login.example/main",
  "auth.jwt_audiences": "chat",
  "files.allowed_mime_types": "image/*",
  "auth.localhost_user": "dev",
  "audit.max_entries": "7",
  "security.trusted_proxy_ranges": "10.0.0.0/8",
};

/** A value the setting accepts that is not its default. */
function otherValue(name: SettingName): string {
  const { fallback } = settingRow(name);
  if (typeof fallback === "number") return String(fallback + 1);
  if (typeof fallback === "boolean") return String(!fallback);
  return OTHER_VALUES[name] ?? "";
}

test("OP-01 the environment variables the peer reads are understood", () => {
  const config = load({
    env: {
      KALAMDB_DATA_DIR: "/srv/kalam",
      KALAMDB_SERVER_HOST: "0.0.0.0",
      KALAMDB_JWT_SECRET: "s".repeat(32),
      KALAMDB_ROOT_PASSWORD: "correct horse",
      KALAMDB_LOG_LEVEL: "WARN",
      KALAMDB_COOKIE_SECURE: "off",
      KALAMDB_TRUSTED_PROXY_RANGES: "10.0.0.0/8, fd00::/8",
    },
  });
  expect(config.storage.dataPath).toBe("/srv/kalam");
  expect(config.auth.jwtSecret).toBe("s".repeat(32));
  expect(config.auth.rootPassword).toBe("correct horse");
  expect(config.logging.level).toBe("warn");
  expect(config.auth.cookieSecure).toBe(false);
  expect(config.security.trustedProxyRanges).toEqual(["10.0.0.0/8", "fd00::/8"]);
});

test("OP-01 sizes take units, and TOML its own types", () => {
  const config = load({
    argv: ["--auth-allow-remote-setup", "--security-max-request-body-size", "2MiB"],
    toml: '[query]\nmax_result_bytes = "1 GB"\ntimeout_ms = 5\n[security.cors]\nallowed_origins = ["https://a.example"]\n[auth]\nroot_password = ""\n',
  });
  expect(config.auth.allowRemoteSetup).toBe(true);
  expect(config.security.maxRequestBodySize).toBe(2 * 1024 * 1024);
  expect(config.query.maxResultBytes).toBe(1_000_000_000);
  expect(config.query.timeoutMs).toBe(5);
  expect(config.security.cors.allowedOrigins).toEqual(["https://a.example"]);
  expect(config.auth.rootPassword).toBe("");
});

describe("a fault names the setting, the source, what was expected and what was found", () => {
  test.each<[string, Given, string]>([
    [
      "unit in a number",
      { env: { KALAMDB_WEBSOCKET_AUTH_TIMEOUT_SECS: "3s" } },
      'websocket.auth_timeout_secs (from KALAMDB_WEBSOCKET_AUTH_TIMEOUT_SECS): expected a whole number of seconds, 1 to 86400, got "3s"',
    ],
    ["port too large", { argv: ["--port", "65536"] }, 'expected a whole number, 0 to 65535, got "65536"'],
    ["negative", { argv: ["--port=-1"] }, 'got "-1"'],
    ["exponent notation is not a whole number", { argv: ["--port", "1e3"] }, 'got "1e3"'],
    ["hexadecimal", { argv: ["--port", "0x50"] }, 'got "0x50"'],
    ["fraction in TOML", { toml: "[server]\nport = 80.5" }, "server.port (from server.toml)"],
    ["unknown size unit", { argv: ["--limits-max-sql-bytes", "2TB"] }, "units KB, MB, GB, KiB, MiB, GiB"],
    ["size below the least", { argv: ["--limits-max-sql-bytes", "1"] }, "1KiB to 64MiB"],
    ["choice", { argv: ["--storage-durability", "none"] }, 'expected one of full, normal, got "none"'],
    ["boolean", { argv: ["--auth-cookie-secure=perhaps"] }, 'expected true or false, got "perhaps"'],
    [
      "origin with a path",
      { env: { KALAMDB_SECURITY_CORS_ALLOWED_ORIGINS: "https://a.example/x" } },
      "https://a.example/x",
    ],
    ["range with too many bits", { env: { KALAMDB_TRUSTED_PROXY_RANGES: "10.0.0.0/33" } }, "10.0.0.0/33"],
    ["range that is no address", { env: { KALAMDB_TRUSTED_PROXY_RANGES: "proxy" } }, '"proxy"'],
    ["mixed list", { toml: "[security]\ntrusted_proxy_ranges = [1]" }, "list of texts"],
    ["date", { toml: "[server]\nhost = 2020-01-01" }, "server.host: expected a text"],
    ["flag without value", { argv: ["--port"] }, "--port needs a value"],
    ["flag followed by a flag", { argv: ["--data-dir", "--port", "1"] }, "--data-dir needs a value"],
    ["empty flag", { argv: ["--data-dir="] }, "--data-dir needs a value"],
    ["unknown flag", { argv: ["--prot", "1"] }, 'unknown flag "--prot" (did you mean "--port"?)'],
    ["stray word", { argv: ["serve"] }, 'unexpected argument "serve"'],
    ["unknown key", { toml: "[server]\nprot = 1" }, 'unknown key "server.prot" (did you mean "server.port"?)'],
    ["unknown section", { toml: "[sever]\nport = 1" }, 'unknown key "sever" (did you mean "server"?)'],
    [
      "key that JavaScript objects have",
      { toml: '"__proto__" = 1\n[constructor]\na = 1' },
      'unknown key "constructor"',
    ],
    ["value where a section belongs", { toml: "server = 1" }, "server is a section, not a value"],
    ["broken TOML", { toml: "[server\nport = 1" }, "server.toml: TOML Parse error"],
    ["missing file that was asked for", { argv: ["--config", "other.toml"] }, "other.toml: no such file"],
    ["secret as a flag", { argv: ["--auth-root-password", "hunter2hunter2"] }, "set KALAMDB_ROOT_PASSWORD"],
  ])("%s", (_why, given, message) => {
    expect(faultsOf(given)).toContain(message);
  });
});

test("all faults of all sources are reported together", () => {
  const message = faultsOf({
    argv: ["--prot", "--log-level", "loud"],
    env: { KALAMDB_SERVER_PORT: "http" },
    toml: "[query]\nprocesses = 0\nproceses = 1\n",
  });
  for (const part of ["5 faults", "--prot", "loud", "http", "query.processes", "query.proceses"]) {
    expect(message).toContain(part);
  }
});

test("AU-05 a fault never repeats a secret", () => {
  const secret = "a very secret number";
  expect(faultsOf({ toml: `[auth]\njwt_secret = ["${secret}"]` })).not.toContain(secret);
  expect(faultsOf({ argv: [`--auth-jwt-secret=${secret}`] })).not.toContain(secret);
});

test("OP-01 --config names the file, and without it a missing server.toml is no fault", () => {
  const toml = "[server]\nport = 5\n";
  expect(load({ argv: ["--config", "x.toml"], toml, file: "x.toml" }).server.port).toBe(5);
  expect(load({ argv: ["--config=x.toml"], toml, file: "x.toml" }).server.port).toBe(5);
});

test("OP-01 --help and --version win over faults", () => {
  expect(loadConfig(sources({ argv: ["--prot", "-h"] }))).toEqual({ kind: "help", text: helpText() });
  expect(loadConfig(sources({ argv: ["--bad", "--version"] }))).toEqual({ kind: "version" });
});

test("OP-01 the help names every flag and variable, and secrets as variables only", () => {
  const text = helpText();
  for (const name of SETTING_NAMES) {
    expect(text).toContain(envNames(name)[0] ?? "");
    expect(text.includes(flagName(name))).toBe(settingRow(name).secret !== true);
  }
});

test("AU-05 the settings view masks secrets and shows the rest", () => {
  const config = configOf({ "auth.jwt_secret": "top-secret-of-the-server", "server.port": 9 });
  const view = settingsView(config);
  expect(view.map((row) => row.name)).toEqual([...SETTING_NAMES]);
  expect(JSON.stringify(view)).not.toContain("top-secret");
  const value = (name: string) => view.find((row) => row.name === name)?.value;
  expect(value("auth.jwt_secret")).toBe("***");
  expect(value("auth.root_password")).toBe("");
  expect(value("server.port")).toBe("9");
  expect(value("security.max_request_body_size")).toBe("10MiB");
});

describe("readTextIfThere", () => {
  const folder = mkdtempSync(join(tmpdir(), "kalam-config-"));
  test("reads a file, and tells a missing one from an unreadable one", () => {
    writeFileSync(join(folder, "a.toml"), "x = 1");
    expect(readTextIfThere(join(folder, "a.toml"))).toBe("x = 1");
    expect(readTextIfThere(join(folder, "none.toml"))).toBeUndefined();
    expect(() => loadConfig({ argv: ["--config", folder], env: {}, readFile: readTextIfThere })).toThrow(
      "cannot be read",
    );
    rmSync(folder, { recursive: true });
  });
});
