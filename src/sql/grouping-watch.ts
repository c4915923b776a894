// Whether a statement with GROUP BY may have its literals lifted out of the select list and HAVING. An expression there must equal one of GROUP BY, and two slots never do; so
// it may when GROUP BY has no literal of its own and names no output column that could have one.
type Clause = "list" | "groups" | "other";

const ENDS_GROUPS: ReadonlySet<string> = new Set(
  "having order window limit offset fetch union except intersect for returning".split(" "),
);

/** What a word can be by the token before it: `column` follows a dot, `name` follows AS, `nameOrOther` an operand. */
export type WordRole = "column" | "name" | "nameOrOther" | "other";

/** Is told the tokens of a statement in their order. */
export class GroupingWatch {
  /** Words of select lists that may name an output column. */
  readonly #outputs: string[] = [];
  readonly #grouped: string[] = [];
  #clause: Clause = "other";
  readonly #outerClauses: Clause[] = [];
  #lastWord = "";
  #hasGroups = false;
  #isUnclear = false;

  /** In lower case. */
  word(word: string, role: WordRole): void {
    if (role === "column" || role === "name") {
      this.#note(word, role);
      return;
    }
    const isBy = word === "by" && this.#lastWord === "group";
    // WITHIN GROUP (…).
    if (this.#lastWord === "group" && !isBy) this.#isUnclear = true;
    this.#lastWord = word;
    if (isBy) {
      this.#hasGroups = true;
      this.#clause = "groups";
    } else if (word === "select") this.#clause = "list";
    else if (word === "from" && this.#clause === "list") this.#clause = "other";
    else if (this.#clause === "groups" && ENDS_GROUPS.has(word)) this.#clause = "other";
    else this.#note(word, role);
  }

  #note(word: string, role: WordRole): void {
    if (this.#clause === "groups") this.#grouped.push(word);
    else if (this.#clause === "list" && (role === "name" || role === "nameOrOther")) this.#outputs.push(word);
  }

  /** A number or a string. */
  literal(): void {
    if (this.#clause === "groups") this.#isUnclear = true;
  }

  /** A name in quotes. */
  quotedName(): void {
    if (this.#clause !== "other") this.#isUnclear = true;
  }

  open(): void {
    if (this.#lastWord === "group") this.#isUnclear = true;
    this.#outerClauses.push(this.#clause);
  }

  close(): void {
    this.#clause = this.#outerClauses.pop() ?? "other";
  }

  /** Once it was told everything. */
  get forbidsLifting(): boolean {
    // Most statements have no GROUP BY, and every request comes past here.
    if (!this.#hasGroups || this.#isUnclear) return this.#hasGroups;
    const outputs = new Set(this.#outputs);
    return this.#grouped.some((word) => outputs.has(word));
  }
}
