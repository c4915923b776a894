// Names that a mistyped one may have meant. A hint looks at so many of them at most: it is made on the main thread, for anybody.
import { closest } from "../base/closest.ts";
import type { CatalogView } from "../storage/seams.ts";
import { SYSTEM_NAMESPACES, SYSTEM_VIEWS } from "./views/registry.ts";

const MAX_NAMES = 1_000;

/** Tables and views of a namespace. */
export function relationNames(namespace: string, catalog: CatalogView): Iterable<string> {
  const own = [...catalog.tables(), ...catalog.views()].filter((relation) => relation.namespace === namespace);
  const system = [...SYSTEM_VIEWS.keys()].flatMap((name) =>
    name.startsWith(`${namespace}.`) ? [name.slice(namespace.length + 1)] : [],
  );
  return [...own.slice(0, MAX_NAMES).map(({ name }) => name), ...system];
}

export function namespaceNames(catalog: CatalogView): Iterable<string> {
  return [
    ...catalog
      .namespaces()
      .slice(0, MAX_NAMES)
      .map(({ name }) => name),
    ...SYSTEM_NAMESPACES,
  ];
}

/** For an error that a namespace does not exist. */
export function namespaceHint(name: string, catalog: CatalogView): { readonly hint?: string } {
  return hintOf(closest(name, namespaceNames(catalog)));
}

export function relationHint(namespace: string, name: string, catalog: CatalogView): { readonly hint?: string } {
  if (catalog.namespace(namespace) === undefined && !SYSTEM_NAMESPACES.has(namespace))
    return namespaceHint(namespace, catalog);
  const near = closest(name, relationNames(namespace, catalog));
  // One of that very name is of another kind than the statement takes.
  return near === name ? { hint: `"${name}" is a view.` } : hintOf(near);
}

function hintOf(near: string | undefined): { readonly hint?: string } {
  return near === undefined ? {} : { hint: `Perhaps you meant "${near}".` };
}
