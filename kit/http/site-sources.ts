import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, sep } from "node:path";

/**
 * What a site is built from, as one hash: 16 hexadecimal digits over every file of the folder but tests, its README and what was built or
 * installed.
 */
export async function hashSources(dir: string): Promise<string> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/(^|[/\\])(node_modules|dist)[/\\]|\.test\.tsx?$|README\.md$/.test(path.slice(dir.length)))
    .sort();
  const sum = createHash("sha256");
  for (const path of paths) {
    sum
      .update(`${path.slice(dir.length).split(sep).join("/")}\0`)
      .update(await readFile(path))
      .update("\0");
  }
  return sum.digest("hex").slice(0, 16);
}
