// What ends the client, and with which exit code. psql's numbers, but for a failed `-c`, which counts as a failed script.

export const EXIT = {
  ok: 0,
  /** The client's own trouble: bad flags, an unreadable file, a refused login. */
  failed: 1,
  /** The server cannot be reached, or went away. */
  noConnection: 2,
  /** A statement of `-c`, of a file or of standard input failed. */
  statementFailed: 3,
  /** Ctrl-C: 128 and the number of the signal, as shells say it. */
  cancelled: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Told to the user in one line, without a stack. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;

  constructor(message: string, options: { exitCode?: ExitCode; hint?: string | undefined; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? EXIT.failed;
    this.hint = options.hint;
  }
}

/** Whoever reads the output has left: nobody is to be told anything. */
export class OutputClosedError extends Error {
  override readonly name = "OutputClosedError";
}
