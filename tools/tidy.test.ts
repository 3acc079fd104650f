import assert from "node:assert/strict";
import { test } from "node:test";
import { createSourceFile } from "./source-tree.ts";
import { findTidyProblems } from "./tidy.ts";

/** What tidy says of files that are given as text, without the line numbers. */
function judge(texts: Readonly<Record<string, string>>): readonly string[] {
  const files = Object.entries(texts).map(([path, text]) => createSourceFile(path, () => text));
  return findTidyProblems(files).map(({ path, message }) => `${path}: ${message}`);
}

function refuses(path: string, text: string, message: RegExp): void {
  const said = judge({ [path]: text });
  assert.equal(said.length, 1, `${path} ${JSON.stringify(text)} gave ${JSON.stringify(said)}`);
  assert.match(said[0] ?? "", message);
}

function accepts(path: string, text: string): void {
  assert.deepEqual(judge({ [path]: text }), []);
}

const lines = (count: number) => Array.from({ length: count }, (_, i) => `  call(${i});`).join("\n");
const kit = "kit/cache/memory.ts";

test("what is ambient is refused, and its replacement is named", () => {
  refuses(kit, "const now = Date.now();", /no Date\.now: take clock\.nowMs\(\)/);
  refuses(kit, "const now = new Date();", /no new Date\(\): take new Date\(clock\.nowMs\(\)\)/);
  refuses(kit, "const now = performance.now();", /clock\.monotonicMs\(\)/);
  refuses(kit, "const dice = Math.random();", /take random from deps/);
  refuses(kit, "const home = process.env.HOME;", /config\.ts/);
  refuses(kit, 'console.log("hello");', /take log from deps/);
  refuses(kit, "setTimeout(run, 10);", /delay\(\)/);
  refuses(kit, 'import { setTimeout as sleep } from "node:timers/promises";', /delay\(\)/);
  refuses(kit, "setInterval(run, 10);", /Job/);
});

test("what is handed in is accepted, and so is a mention in a comment or a text", () => {
  accepts(kit, "const date = new Date(clock.nowMs()); // not Date.now()");
  accepts(kit, 'const text = "console.log(Math.random())";');
});

test("only the file that wraps something ambient may reach for it", () => {
  accepts("kit/service/clock.ts", "const now = Date.now();");
  accepts("apps/platform/environment.ts", "const env = process.env;");
  refuses("apps/platform/main.ts", "const env = process.env;", /process\.env/);
});

test("scripts may use the terminal and the clock; tests may, but they neither sleep nor draw lots", () => {
  accepts("tools/sample.ts", "console.log(Date.now()); setTimeout(run, 10);");
  accepts("kit/cache/memory.test.ts", "console.log(Date.now(), process.env.HOME);");
  refuses("kit/cache/memory.test.ts", "setTimeout(run, 10);", /wait for the event itself/);
  refuses("kit/cache/memory.test.ts", "const dice = Math.random();", /a seed in a test/);
});

test("a file has at most 400 lines", () => {
  accepts(kit, lines(400));
  refuses(kit, lines(401), /401 lines/);
  refuses("kit/db/schema.sql", lines(401), /401 lines/);
});

test("a function has at most 70 lines of its own", () => {
  accepts(kit, `function whole() {\n${lines(68)}\n}`);
  refuses(kit, `function whole() {\n${lines(69)}\n}`, /a function of 71 lines/);
  refuses(kit, `const whole = () => {\n${lines(69)}\n};`, /71 lines/);
  const inner = `  const inner = () => {\n${lines(60)}\n  };\n`;
  accepts(kit, `function outer() {\n${inner}${inner}}`);
});

test("a reason before the first statement lifts the lengths, and nothing else", () => {
  const long = `function whole() {\n${lines(69)}\n}`;
  accepts(kit, `// tidy: a state machine reads best in one piece\n${long}`);
  refuses(kit, `// tidy: long\n${long}`, /71 lines/);
  refuses(kit, `${long}\n// tidy: a state machine reads best in one piece`, /71 lines/);
  refuses(kit, "// tidy: a state machine reads best in one piece\nDate.now();", /Date\.now/);
});

test("a service's SQL stands in its store", () => {
  const service = { "services/bin/service.ts": "", "services/bin/README.md": "# bin" };
  const statement = "const rows = tx<Row[]>`select 1`;";
  assert.deepEqual(judge({ ...service, "services/bin/store.ts": statement }), []);
  assert.deepEqual(judge({ ...service, "services/bin/price-store.ts": statement }), []);
  assert.deepEqual(judge({ ...service, "services/bin/rows.db.test.ts": statement }), []);
  for (const stray of [statement, "deps.db.sql`select 1`", 'sql.unsafe("select 1")']) {
    const said = judge({ ...service, "services/bin/ops/list-bins.ts": stray });
    assert.match(said.join(), /^services\/bin\/ops\/list-bins\.ts: no SQL here/);
  }
  accepts("kit/db/pool.ts", statement);
});

test("names say what a thing does", () => {
  refuses("kit/src/clock.ts", "", /no src/);
  refuses("kit/clock/index.ts", "", /no index file/);
  refuses("kit/utils/clock.ts", "", /no 'utils'/);
  refuses("kit/clock/date-helpers.ts", "", /no 'helpers'/);
  refuses("kit/common.ts", "", /no 'common'/);
  accepts("apps/console/index.html", "");
});

test("migrations are numbered without gaps", () => {
  assert.deepEqual(judge({ "kit/x/migrations/0001_a.sql": "", "kit/x/migrations/0002_b.sql": "" }), []);
  assert.equal(judge({ "kit/x/migrations/0001_a.sql": "", "kit/x/migrations/0003_b.sql": "" }).length, 1);
  assert.equal(judge({ "kit/x/migrations/0001_a.sql": "", "kit/x/migrations/0001_b.sql": "" }).length, 1);
  assert.equal(judge({ "kit/x/migrations/first.sql": "" }).length, 1);
});

test("a service declares itself and explains itself in at most 80 lines", () => {
  assert.deepEqual(judge({ "services/bin/service.ts": "", "services/bin/README.md": lines(80) }), []);
  assert.match(judge({ "services/bin/service.ts": "" }).join(), /has a README\.md/);
  assert.match(judge({ "services/bin/README.md": "# bin" }).join(), /declares itself/);
  assert.match(judge({ "services/bin/service.ts": "", "services/bin/README.md": lines(81) }).join(), /81 lines/);
});

test("a decision record has a number of its own and fits on one page", () => {
  accepts("docs/adr/0001-postgres.md", lines(60));
  refuses("docs/adr/0001-postgres.md", lines(61), /one page/);
  refuses("docs/adr/postgres.md", "", /<4 digits>/);
  assert.match(judge({ "docs/adr/0001-a.md": "", "docs/adr/0001-b.md": "" }).join(), /0001 is taken/);
});

test("a problem points to its line", () => {
  const [problem] = findTidyProblems([createSourceFile(kit, () => "\n\nDate.now();\n")]);
  assert.equal(problem?.line, 3);
});
