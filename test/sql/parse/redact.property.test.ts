// No part of a string of a statement that may carry a secret is left in what may be shown.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { redactSecrets } from "../../../src/sql/parse/redact.ts";

test.each([
  ["CREATE USER a WITH PASSWORD 'p' ROLE user", "CREATE USER a WITH PASSWORD '***' ROLE user"],
  ["create user a identified by 'it''s'", "create user a identified by '***'"],
  ["ALTER USER a SET PASSWORD $$p$$", "ALTER USER a SET PASSWORD '***'"],
  ["ALTER USER a SET PASSWORD 'unclosed", "ALTER USER a SET PASSWORD '***'…"],
  ["SELECT 'nothing to hide'", "SELECT 'nothing to hide'"],
])("AU-05 %s is shown as %s", (sql, shown) => {
  expect(redactSecrets(sql)).toBe(shown);
});

test("AU-05 whatever the password and what surrounds it, it is not shown", () => {
  const secret = fc.string({ minLength: 1 }).map((text) => `s3cr3t${text}`);
  const noise = fc.constantFrom("", " ", "/* c */", "-- c\n", "E'x'", "$a$ b $a$", '"q"', "((", "'");
  fc.assert(
    fc.property(secret, noise, noise, (password, before, after) => {
      const sql = `ALTER USER a ${before} SET PASSWORD '${password.replaceAll("'", "''")}' ${after}`;
      // An odd quote before turns text and strings round; then the rest must be gone altogether or be what stood outside.
      fc.pre(before !== "'");
      expect(redactSecrets(sql)).not.toContain("s3cr3t");
    }),
  );
});
