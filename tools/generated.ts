import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Problem } from "./source-tree.ts";

/** What a generator writes. */
export interface GeneratedFiles {
  /** Text of each file by its path from the repository's root. */
  readonly texts: ReadonlyMap<string, string>;
  /** Folders in which nothing else may stand. */
  readonly folders: readonly string[];
}

/** Writes what differs and removes what is no longer generated. Returns the paths it changed. */
export function writeGenerated(root: string, generated: GeneratedFiles): readonly string[] {
  const { changed, left } = compare(root, generated);
  for (const path of changed) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), generated.texts.get(path) ?? "");
  }
  for (const path of left) rmSync(join(root, path));
  return [...changed, ...left];
}

/** One problem for each file that `npm run gen` would write or remove. */
export function findStale(root: string, generated: GeneratedFiles): readonly Problem[] {
  const { changed, left } = compare(root, generated);
  return [
    ...changed.map((path) => ({ path, line: 0, message: "is not what its source says now: run `npm run gen`" })),
    ...left.map((path) => ({ path, line: 0, message: "is no longer generated: run `npm run gen`" })),
  ];
}

function compare(root: string, { texts, folders }: GeneratedFiles) {
  const changed = [...texts].filter(([path, text]) => readIfThere(join(root, path)) !== text).map(([path]) => path);
  const present = folders.flatMap((folder) =>
    globSync(`${folder}/**/*`, { cwd: root, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)),
  );
  return { changed, left: present.filter((path) => !texts.has(path)) };
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
