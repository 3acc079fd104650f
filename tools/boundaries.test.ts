import assert from "node:assert/strict";
import { test } from "node:test";
import { findBoundaryProblems } from "./boundaries.ts";
import { createSourceFile } from "./source-tree.ts";

/** What is said of files given as path and imported specifiers. */
function judge(importsByPath: Readonly<Record<string, readonly string[]>>): string {
  const files = Object.entries(importsByPath).map(([path, specifiers]) =>
    createSourceFile(path, () => specifiers.map((specifier) => `import ${JSON.stringify(specifier)};`).join("\n")),
  );
  const problems = findBoundaryProblems(files);
  return problems.map(({ path, line, message }) => `${path}:${line} ${message}`).join("\n");
}

const accepts = (path: string, specifier: string) => assert.equal(judge({ [path]: [specifier] }), "");
const refuses = (path: string, specifier: string, message: RegExp) =>
  assert.match(judge({ [path]: [specifier] }), message);

test("imports point downward: apps, services, contracts, kit", () => {
  accepts("apps/platform/services.ts", "@lyss/services/billing/service.ts");
  accepts("services/billing/service.ts", "@lyss/contracts/events/billing.ts");
  accepts("contracts/events/billing.ts", "@lyss/kit/events/event.ts");
  accepts("tests/journeys/pay.test.ts", "@lyss/services/billing/service.ts");
  accepts("tests/journeys/pay.test.ts", "../../apps/platform/boot.ts");

  refuses("kit/rpc/peer.ts", "@lyss/contracts/events/billing.ts", /kit never imports contracts/);
  refuses(
    "contracts/events/billing.ts",
    "@lyss/services/billing/model.ts",
    /contracts never imports services\/billing/,
  );
  refuses(
    "services/billing/service.ts",
    "../../apps/platform/boot.ts",
    /services\/billing never imports apps\/platform/,
  );
  refuses("apps/platform/boot.ts", "../console/main.ts", /apps\/platform never imports apps\/console/);
  refuses("kit/rpc/peer.ts", "../../tools/graph.ts", /kit never imports scripts and tests/);
});

test("a service never imports a service, by whatever way it is written", () => {
  const refused = /a service never imports a service: call services\/billing through its contract/;
  refuses("services/auth/ops.ts", "../billing/model.ts", refused);
  refuses("services/auth/ops.ts", "@lyss/services/billing/model.ts", refused);
  const text = 'export type { Wallet } from "../billing/model.ts";\nawait import("../billing/model.ts");';
  const problems = findBoundaryProblems([createSourceFile("services/auth/ops.ts", () => text)]);
  assert.deepEqual(
    problems.map(({ line }) => line),
    [1, 2],
  );
});

test("a package is imported by its name, a neighbour by its place", () => {
  refuses("services/auth/ops.ts", "../../kit/crypto/seal.ts", /import it by its package: @lyss\/kit\/crypto\/seal\.ts/);
  refuses("kit/rpc/peer.ts", "@lyss/kit/crypto/seal.ts", /within a package imports are relative/);
  accepts("kit/rpc/peer.ts", "../crypto/seal.ts");
  accepts("services/auth/ops.ts", "../package.json");
});

test("what a service's tests share may see all of the service, and none of it sees that", () => {
  accepts("services/billing/invoices/testdata/fixture.ts", "../../service.ts");
  accepts("services/billing/invoices/close.db.test.ts", "./testdata/fixture.ts");
  refuses("services/billing/model.ts", "./invoices/testdata/fixture.ts", /never import tests/);
});

test("inside a service: service, edges, operations, model; stores below operations", () => {
  const bin = (path: string) => `services/bin/${path}`;
  for (const target of ["./rpc.ts", "./ops.ts", "./store.ts", "./model.ts"]) accepts(bin("service.ts"), target);
  accepts(bin("rpc.ts"), "./ops.ts");
  accepts(bin("ops/list-bins.ts"), "../store.ts");
  accepts(bin("price-store.ts"), "./model.ts");
  accepts(bin("rpc.test.ts"), "./store.ts");

  refuses(bin("rpc.ts"), "./store.ts", /edges never import stores/);
  refuses(bin("admin-routes.ts"), "./price-store.ts", /edges never import stores/);
  refuses(bin("events.ts"), "./service.ts", /edges never import services/);
  refuses(bin("ops/list-bins.ts"), "../rpc.ts", /operations never import edges/);
  refuses(bin("store.ts"), "./ops/list-bins.ts", /stores never import operations/);
  refuses(bin("model.ts"), "./store.ts", /models never import stores/);
  refuses(bin("deps.ts"), "./routes.ts", /parts never import edges/);
  refuses(bin("ops.ts"), "./ops.test.ts", /operations never import tests/);
});

test("stores and models reach no further by way of a part", () => {
  const said = judge({ "services/bin/model.ts": ["./rules.ts"], "services/bin/rules.ts": ["./store.ts"] });
  assert.match(said, /services\/bin\/model\.ts:0 models never import stores \(by way of services\/bin\/rules\.ts\)/);
  assert.equal(judge({ "services/bin/rpc.ts": ["./rules.ts"], "services/bin/rules.ts": ["./store.ts"] }), "");
});

test("no file imports itself, however long the way round", () => {
  assert.match(
    judge({ "kit/a/one.ts": ["./two.ts"], "kit/a/two.ts": ["./one.ts"] }),
    /one\.ts -> kit\/a\/two\.ts -> kit/,
  );
  assert.equal(judge({ "kit/a/one.ts": ["./two.ts", "./three.ts"], "kit/a/two.ts": ["./three.ts"] }), "");
});

test("the kit has no domain words, save in texts and tests", () => {
  const judgeKit = (path: string, text: string) => findBoundaryProblems([createSourceFile(path, () => text)]);
  assert.equal(judgeKit("kit/db/pool.ts", "const walletCount = 1;").length, 1);
  assert.equal(judgeKit("kit/db/pool.ts", "interface X { readonly price_id: string }").length, 1);
  assert.equal(judgeKit("kit/db/pool.ts", 'const text = "a wallet"; // prices\nconst priceless = 1;').length, 0);
  assert.equal(judgeKit("kit/db/pool.test.ts", "const walletCount = 1;").length, 0);
});
