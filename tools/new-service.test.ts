import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, test } from "node:test";
import { findNameProblem, namesOf, pluralOf } from "./new-service/names.ts";
import { registerService } from "./new-service/register.ts";
import { toolEnvironment } from "./run-tool.ts";
import { repositoryRoot } from "./source-tree.ts";

const folder = mkdtempSync(join(tmpdir(), "lyss-new-service-"));
after(() => rmSync(folder, { recursive: true }));
const copy = copyRepository();

/** The repository in another place, with packages of its own that point into the copy. */
function copyRepository(): string {
  const root = join(folder, "lyss");
  const left = new Set([".git", "node_modules", ".lyss"]);
  cpSync(repositoryRoot, root, { recursive: true, filter: (path) => !left.has(basename(path)) });
  const modules = join(repositoryRoot, "node_modules");
  mkdirSync(join(root, "node_modules/@lyss"), { recursive: true });
  for (const name of readdirSync(modules)) {
    if (name !== "@lyss") symlinkSync(join(modules, name), join(root, "node_modules", name));
  }
  for (const name of ["kit", "contracts", "services"])
    symlinkSync(join(root, name), join(root, "node_modules/@lyss", name));
  execFileSync("git", ["init", "--quiet", "--initial-branch=main"], { cwd: root });
  return root;
}

function run(...args: readonly string[]) {
  const env = { ...toolEnvironment, NODE_TEST_CONTEXT: undefined };
  const { status, stdout, stderr } = spawnSync("node", args, { cwd: copy, env, encoding: "utf8" });
  return { status, output: stdout + stderr };
}

const newService = (...args: readonly string[]) => run("tools/new-service.ts", ...args);
const readServices = () => readFileSync(join(copy, "apps/platform/services.ts"), "utf8");

test("a new service passes its tests and every gate at once", () => {
  const written = newService("user-note");
  assert.equal(written.status, 0, written.output);
  assert.match(readServices(), /\buserNote\b/);
  const tests = run("tools/test.ts", "services/user-note");
  assert.equal(tests.status, 0, tests.output);
  // The gates may have something to say of other work that is under way, but not of this.
  const { output } = run("tools/check.ts");
  assert.doesNotMatch(output, /user.?note/i);
  assert.match(output, /ok +(contracts|generated)/);
});

test("a name that is taken is refused, and nothing is written", () => {
  const before = readServices();
  const said = newService("billing");
  assert.equal(said.status, 1);
  assert.match(said.output, /'billing' cannot be a service: \S+ exists already/);
  for (const name of ["page", "test", "delete", "random"]) {
    const { status, output } = newService(name);
    assert.equal(status, 1, output);
    assert.equal(existsSync(join(copy, "services", name)), false);
    assert.equal(existsSync(join(copy, `contracts/events/${name}.ts`)), false);
  }
  assert.equal(readServices(), before);
});

test("without a name, with two, or with --help it says how to call it", () => {
  assert.equal(newService().status, 2);
  assert.equal(newService("one", "two").status, 2);
  const help = newService("--help");
  assert.equal(help.status, 0);
  assert.match(help.output, /^Usage: npm run new-service/);
});

test("a name is lower-case words that SQL and the language leave free", () => {
  for (const good of ["bookmark", "user-note", "a", "oauth2-client"])
    assert.equal(findNameProblem(good), undefined, good);
  const bad = [
    "",
    "Bookmark",
    "user_note",
    "user--note",
    "-note",
    "2fa",
    "a-2",
    "order",
    "date",
    "event-log",
    "pg-stat",
  ];
  for (const name of [...bad, "note-utils", "../../etc", "x".repeat(31)]) assert.ok(findNameProblem(name), name);
});

test("a name has one spelling for every layer", () => {
  assert.deepEqual(namesOf("user-note"), {
    kebab: "user-note",
    camel: "userNote",
    pascal: "UserNote",
    snake: "user_note",
    upper: "USER_NOTE",
    words: "user note",
  });
  const plurals = ["note", "category", "key", "box", "address"].map(pluralOf);
  assert.deepEqual(plurals, ["notes", "categories", "keys", "boxes", "addresses"]);
});

test("a service is added to the list in the order of names", () => {
  const text = 'import { b } from "b";\nexport const services: readonly X[] = [\n  b,\n  d,\n];\n';
  const expected =
    'import { c } from "@lyss/services/c/service.ts";\nimport { b } from "b";\nexport const services: readonly X[] = [b, c, d];\n';
  assert.equal(registerService(text, namesOf("c")), expected);
  assert.throws(() => registerService("export const other = [];", namesOf("c")), /no array called services/);
});
