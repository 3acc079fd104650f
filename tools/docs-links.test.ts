import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { readSourceTree, repositoryRoot } from "./source-tree.ts";

const pages = new Map(
  readSourceTree()
    .filter(({ path }) => path.endsWith(".md"))
    .map(({ path, text }) => [path, text]),
);

/** Anchors that GitHub makes from headings, and those that are written as `<a id>`. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .replace(/<[^>]*>/g, "")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
  return new Set([...headings, ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = ""]) => id)]);
}

test("every link between pages leads to something that is there", () => {
  const broken: string[] = [];
  for (const [path, text] of pages) {
    const prose = text.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "");
    for (const [, link = ""] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : normalize(join(dirname(path), file));
      const isThere = existsSync(join(repositoryRoot, target));
      const hasAnchor = anchor === undefined || anchorsOf(pages.get(target) ?? "").has(anchor);
      if (!isThere || !hasAnchor) broken.push(`${path}: ${link}`);
    }
  }
  assert.deepEqual(broken, []);
  assert.ok(pages.size > 20);
});
