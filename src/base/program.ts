// Where this program finds itself again: run from source it is a tree of files, compiled it is one binary that carries them.
const HERE = new URL(import.meta.url);
/** Bun mounts what a binary carries here. */
const IS_COMPILED = HERE.pathname.startsWith("/$bunfs/");

/** The program of a thread, by its path from `src` without its ending. The build names each of them. */
export function threadProgram(path: string): URL {
  return IS_COMPILED ? new URL(`./${path}.js`, HERE) : new URL(`../${path}.ts`, HERE);
}

/** The command that starts this program once more, as another process of it. */
export function ownCommand(mode: string): readonly string[] {
  return IS_COMPILED ? [process.execPath, mode] : [process.execPath, new URL("../main.ts", HERE).pathname, mode];
}
