// Writes the answers of `answers/*.tsv` anew: the first column of each line is asked of PostgreSQL, in UTC. To add expressions, append them to a file, one
// to a line, and run it by hand:
//   bun test/sql/functions/write-answers.ts "psql -h /tmp -U postgres postgres" [name …]
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const FOLDER = new URL("answers/", import.meta.url).pathname;

/** A statement's error is an answer too. */
const ASK = `CREATE OR REPLACE FUNCTION pg_temp.ask(expression text) RETURNS text LANGUAGE plpgsql AS $ask$
DECLARE answer text;
BEGIN
  EXECUTE 'SELECT (' || expression || ')::text' INTO answer;
  RETURN answer;
EXCEPTION WHEN OTHERS THEN
  RETURN 'error: ' || SQLERRM;
END $ask$;`;

function ask(command: readonly string[], expressions: readonly string[]): readonly string[] {
  const rows = expressions.map((line, index) => `SELECT ${index}, $line$${line}$line$`).join(" UNION ALL ");
  const sql = `SET TimeZone = 'UTC'; ${ASK} COPY (SELECT pg_temp.ask(e) FROM (${rows}) AS t (n, e) ORDER BY n) TO STDOUT;`;
  const asked = Bun.spawnSync([...command, "-Xqv", "ON_ERROR_STOP=1"], { stdin: Buffer.from(sql) });
  if (asked.exitCode !== 0) throw new Error(asked.stderr.toString());
  return asked.stdout.toString().replace(/\n$/, "").split("\n");
}

function main(): void {
  const [command = "psql", ...names] = process.argv.slice(2);
  const files = readdirSync(FOLDER).filter((file) => names.length === 0 || names.includes(file.replace(".tsv", "")));
  for (const file of files) {
    const lines = readFileSync(FOLDER + file, "utf8")
      .trimEnd()
      .split("\n");
    const fields = lines.map((line) => line.split("\t")[0] ?? "");
    const unescaped = fields.map((field) =>
      field.replaceAll(/\\(.)/g, (_all, one: string) => (one === "n" ? "\n" : one === "t" ? "\t" : one)),
    );
    const answers = ask(command.split(" "), unescaped);
    writeFileSync(FOLDER + file, `${fields.map((field, index) => `${field}\t${answers[index] ?? ""}`).join("\n")}\n`);
  }
}

main();
