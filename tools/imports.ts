import { posix } from "node:path";
import { isCode, type SourceFile } from "./source-tree.ts";

/** One file mentioning another file of the repository: an import, a re-export, or a dynamic import. Types count too. */
export interface ImportEdge {
  readonly from: string;
  /** As it is written. */
  readonly specifier: string;
  /** Path of the imported file from the repository's root; it need not exist. */
  readonly to: string;
  readonly line: number;
}

/** The workspaces that import each other by name, and their folders. */
const folderByPackage: Readonly<Record<string, string>> = {
  "@lyss/kit": "kit",
  "@lyss/contracts": "contracts",
  "@lyss/services": "services",
};

/** The code that a file imports from this repository, in the order it is written. Packages from elsewhere are left out. */
export function listImports(file: SourceFile): readonly ImportEdge[] {
  if (!isCode(file.path)) return [];
  const { staticImports, staticExports, dynamicImports } = file.parsed.module;
  const requests = [
    ...staticImports.map(({ moduleRequest }) => moduleRequest),
    ...staticExports.flatMap(({ entries }) => entries.flatMap(({ moduleRequest }) => moduleRequest ?? [])),
    // A computed specifier keeps its first character, which is no quote, and so resolves to nothing.
    ...dynamicImports.map(({ moduleRequest: { start, end } }) => ({
      value: file.text.slice(start, end).replace(/^["'`](.*)["'`]$/, "$1"),
      start,
    })),
  ];
  return requests.flatMap(({ value, start }) => {
    const to = resolveImport(file.path, value);
    return to === undefined || !isCode(to) ? [] : [{ from: file.path, specifier: value, to, line: file.lineAt(start) }];
  });
}

function resolveImport(from: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return posix.join(posix.dirname(from), specifier);
  const [name] = /^@[^/]+\/[^/]+/.exec(specifier) ?? [];
  const folder = name === undefined ? undefined : folderByPackage[name];
  return name === undefined || folder === undefined ? undefined : `${folder}${specifier.slice(name.length)}`;
}
