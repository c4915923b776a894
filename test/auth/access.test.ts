// The role matrices of access.ts, every statement kind, table kind and access level against every role.
import { describe, expect, test } from "bun:test";
import {
  assertMayActAs,
  assertMayAlterTable,
  assertMayCreateTable,
  assertMayRead,
  assertMayReadSystem,
  assertMayRun,
  assertMayWrite,
  type StatementKind,
} from "../../src/auth/access.ts";
import { DbError } from "../../src/base/errors.ts";
import { parseUserId } from "../../src/base/ids.ts";
import { ACCESS_LEVELS, type AccessLevel, ROLES, type Role } from "../../src/model/role.ts";
import type { TableKind, TableSchema } from "../../src/model/schema.ts";
import type { Statement } from "../../src/sql/statement.ts";

/** The roles a check lets through. Anything but PERMISSION_DENIED fails the test. */
function allowed(check: (role: Role) => void): string {
  return ROLES.filter((role) => {
    try {
      check(role);
      return true;
    } catch (error) {
      if (error instanceof DbError && error.code === "PERMISSION_DENIED") return false;
      throw error;
    }
  }).join(" ");
}

const ANYONE = "anonymous user service dba system";
const USERS = "user service dba system";
const SERVICES = "service dba system";
const ADMINS = "dba system";

const MATRIX: Record<Statement["kind"], string> = {
  select: ANYONE,
  insert: USERS,
  update: USERS,
  delete: USERS,
  explain: ADMINS,
  createTable: USERS,
  alterTable: USERS,
  dropTable: ADMINS,
  truncate: USERS,
  clearCache: ADMINS,
  showCreate: ANYONE,
  createIndex: ADMINS,
  dropIndex: ADMINS,
  showIndexes: ANYONE,
  createView: ADMINS,
  dropView: ADMINS,
  showViews: ANYONE,
  createNamespace: ADMINS,
  alterNamespace: ADMINS,
  dropNamespace: ADMINS,
  useNamespace: USERS,
  showNamespaces: ANYONE,
  showTables: ANYONE,
  describeTable: ANYONE,
  showStorages: USERS,
  createStorage: ADMINS,
  alterStorage: ADMINS,
  dropStorage: ADMINS,
  checkStorage: ADMINS,
  tableStats: ANYONE,
  begin: USERS,
  commit: USERS,
  rollback: USERS,
  flushTable: SERVICES,
  flushAll: SERVICES,
  compactTable: SERVICES,
  compactAll: SERVICES,
  killConnection: ADMINS,
  killLiveQuery: USERS,
  killJob: ADMINS,
  backupDatabase: ADMINS,
  exportUserData: USERS,
  showExport: USERS,
  restoreDatabase: ADMINS,
  subscribe: USERS,
  createUser: ADMINS,
  alterUser: ADMINS,
  dropUser: ADMINS,
  insertUser: ADMINS,
  updateUser: ADMINS,
  deleteUser: ADMINS,
  createApiKey: SERVICES,
  dropApiKey: SERVICES,
  showApiKeys: SERVICES,
  executeAs: USERS,
};

test("the decision's statement kinds are the parser's", () => {
  const there = (kind: Statement["kind"]): StatementKind => kind;
  const back = (kind: StatementKind): Statement["kind"] => kind;
  expect(Object.keys(MATRIX).map((kind) => there(back(kind as StatementKind)))).toEqual(
    Object.keys(MATRIX) as StatementKind[],
  );
});

test.each(Object.entries(MATRIX) as [StatementKind, string][])("AU-05 %s may be run by: %s", (kind, roles) => {
  expect(allowed((role) => assertMayRun(role, kind))).toBe(roles);
});

test.each<[StatementKind, Role, string]>([
  ["createNamespace", "user", "Admin privileges (DBA or System role) required for namespace operations"],
  ["createUser", "service", "Admin privileges (DBA or System role) required for user management"],
  ["flushTable", "user", "Service privileges (Service, DBA or System role) required for storage maintenance"],
  ["insert", "anonymous", "Authentication required for writes"],
])("the denial of %s to %s reads as the peer's", (kind, role, message) => {
  expect(() => assertMayRun(role, kind)).toThrow(message);
});

function table(kind: TableKind, accessLevel: AccessLevel = "private"): Parameters<typeof assertMayRead>[1] {
  return { namespace: "chat", name: "messages", kind, options: { accessLevel } };
}

test("a table's schema can be held against the decision", () => {
  const guarded = (schema: TableSchema): Parameters<typeof assertMayRead>[1] => schema;
  expect(guarded.length).toBe(1);
});

describe("AU-05 tables", () => {
  const READERS: Record<AccessLevel, string> = {
    public: ANYONE,
    private: SERVICES,
    restricted: SERVICES,
    dba: ADMINS,
  };
  const WRITERS: Record<AccessLevel, string> = { ...READERS, public: SERVICES };
  for (const level of ACCESS_LEVELS) {
    test(`SHARED ${level}: read by ${READERS[level]}; written by ${WRITERS[level]}`, () => {
      expect(allowed((role) => assertMayRead(role, table("shared", level)))).toBe(READERS[level]);
      expect(allowed((role) => assertMayWrite(role, table("shared", level)))).toBe(WRITERS[level]);
    });
  }

  test.each(["user", "stream"] as const)("%s tables: every authenticated role, whatever the access level", (kind) => {
    for (const level of ACCESS_LEVELS) {
      expect(allowed((role) => assertMayRead(role, table(kind, level)))).toBe(USERS);
      expect(allowed((role) => assertMayWrite(role, table(kind, level)))).toBe(USERS);
    }
  });

  test("system views: admins", () => {
    expect(allowed((role) => assertMayReadSystem(role, { namespace: "system", name: "users" }))).toBe(ADMINS);
  });

  test("creating: USER and STREAM by users, SHARED from service up", () => {
    expect(allowed((role) => assertMayCreateTable(role, "user", "user"))).toBe(USERS);
    expect(allowed((role) => assertMayCreateTable(role, "stream", "user"))).toBe(USERS);
    expect(allowed((role) => assertMayCreateTable(role, "shared", "user"))).toBe(SERVICES);
  });

  test("TB-11 defining tables can be kept to services, or to administrators, whatever the kind", () => {
    for (const kind of ["user", "stream", "shared"] as const) {
      for (const [least, roles] of [
        ["service", SERVICES],
        ["dba", ADMINS],
      ] as const) {
        expect(allowed((role) => assertMayCreateTable(role, kind, least))).toBe(roles);
        expect(allowed((role) => assertMayAlterTable(role, table(kind, "restricted"), least))).toBe(roles);
      }
    }
    expect(() => assertMayAlterTable("user", table("user"), "dba")).toThrow(/required for altering USER tables/);
  });

  test("altering: what a role may create, and of SHARED tables what it may write", () => {
    for (const kind of ["user", "stream"] as const) {
      expect(allowed((role) => assertMayAlterTable(role, table(kind), "user"))).toBe(USERS);
    }
    for (const level of ACCESS_LEVELS) {
      expect(allowed((role) => assertMayAlterTable(role, table("shared", level), "user"))).toBe(WRITERS[level]);
    }
  });

  test("a denial names table, role and reason", () => {
    expect(() => assertMayWrite("user", table("shared"))).toThrow(
      "Access denied to table 'chat.messages' for role 'user': Shared table write denied (access_level=Private)",
    );
    expect(() => assertMayWrite("anonymous", table("user"))).toThrow(
      "User table write denied due to insufficient privileges.",
    );
    expect(() => assertMayReadSystem("user", { namespace: "system", name: "users" })).toThrow(
      "System tables require 'dba' or 'system' role.",
    );
  });
});

describe("EXECUTE AS USER", () => {
  const TARGETS: Record<Role, string> = {
    anonymous: "",
    user: "",
    service: "user service",
    dba: "user service dba",
    system: "user service dba system",
  };
  const actor = { user: parseUserId("actor") };
  const target = { user: parseUserId("target") };
  for (const role of ROLES) {
    test(`${role} may stand in for: ${TARGETS[role] || "nobody"}`, () => {
      const targets = allowed((other) => assertMayActAs({ ...actor, role }, { ...target, role: other }));
      expect(targets).toBe(TARGETS[role]);
      expect(allowed((other) => assertMayActAs({ ...actor, role }, { ...actor, role: other }))).toBe(ANYONE);
    });
  }

  test("a denial names both", () => {
    expect(() => assertMayActAs({ ...actor, role: "service" }, { ...target, role: "dba" })).toThrow(
      "EXECUTE AS USER is not authorized: actor 'actor' with role Service cannot target 'target' with role DBA",
    );
  });

  test("a denial to whom nobody is open does not tell the other's role", () => {
    const denial = (role: Role): unknown => {
      try {
        assertMayActAs({ ...actor, role: "user" }, { ...target, role });
      } catch (error) {
        return error instanceof DbError ? error.message : error;
      }
      return undefined;
    };
    expect(new Set(ROLES.map(denial)).size).toBe(1);
  });
});
