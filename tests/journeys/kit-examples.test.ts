import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = new URL("../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");

/** Every page of the kit but the report that `npm run mutate` writes. */
const pages = [
  "kit/README.md",
  ...readdirSync(new URL("docs/kit/", root))
    .filter((name) => name.endsWith(".md") && name !== "mutation.md")
    .map((name) => `docs/kit/${name}`),
];

/** Runs a text as a module at the root of the repository; gives what it complains of, and its exit code. */
async function runModule(text: string): Promise<readonly [code: number | null, complaint: string]> {
  const args = ["--input-type=module-typescript", "-"];
  // An example may hold tests: they report to whoever reads them, not to this run.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(process.execPath, args, { cwd: fileURLToPath(root), env, stdio: ["pipe", "pipe", "pipe"] });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stdin.end(text);
  const [code] = await once(child, "close");
  return [code, Buffer.concat(chunks).toString()];
}

for (const page of pages) {
  const examples = [...read(page).matchAll(/^```ts run\n([\s\S]*?)^```$/gm)];
  test(`${page} has an example that runs`, () => assert.notEqual(examples.length, 0));
  for (const [i, [, text = ""]] of examples.entries()) {
    test(`${page}: example ${i + 1} runs as it is printed`, { timeout: 60_000 }, async () => {
      const [code, complaint] = await runModule(text);
      assert.equal(code, 0, complaint);
    });
  }
}

test("every part of the kit stands in its README with a page, and every page is linked there", () => {
  const readme = read("kit/README.md");
  const rows = [...readme.matchAll(/^\| `([a-z-]+)` \| (.*?) \|/gm)];
  const folders = readdirSync(new URL("kit/", root), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "node_modules")
    .map(({ name }) => name);
  assert.deepEqual(rows.map(([, part]) => part).toSorted(), folders.toSorted());
  for (const [, part = "", links = ""] of rows) assert.match(links, /\]\(\.\.\/docs\/kit\/[a-z-]+\.md\)/, part);
  const linked = [...readme.matchAll(/\]\(\.\.\/(docs\/kit\/[a-z-]+\.md)\)/g)].map(([, page = ""]) => page);
  assert.deepEqual(
    pages.filter((page) => page !== "kit/README.md" && !linked.includes(page)),
    [],
  );
});

test("every test that the README of the kit names is there", () => {
  const known = ["kit", "tests"].flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" }).map((path) => `${folder}/${path}`),
  );
  const names = [...read("kit/README.md").matchAll(/`([a-z./-]+\.ts|tests\/[a-z/-]+)`/g)].map(([, name = ""]) => name);
  const isThere = (name: string) => known.some((path) => path === name || path.endsWith(`/${name}`));
  assert.deepEqual(
    names.filter((name) => !isThere(name)),
    [],
  );
  assert.ok(names.length > 20);
});

test("OpenTelemetry's SDK is not loaded by a program that records nothing", async () => {
  const [code, complaint] = await runModule(`
    import { registerHooks } from "node:module";
    registerHooks({
      resolve(specifier, context, next) {
        if (/^@opentelemetry.(sdk|exporter|resources)/.test(specifier)) throw new Error(specifier + " is loaded by " + context.parentURL);
        return next(specifier, context);
      },
    });
    await import("./apps/platform/up.ts");
  `);
  assert.equal(code, 0, complaint);
});
