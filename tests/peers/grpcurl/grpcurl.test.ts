import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { runPlatform } from "../../run-platform.ts";
import { buildGrpcurl } from "./build-grpcurl.ts";

const grpcurl = await buildGrpcurl();
const dataDir = mkdtempSync(join(tmpdir(), "lyss-grpcurl-"));
after(() => rmSync(dataDir, { recursive: true, force: true }));
const platform = await runPlatform({ after }, { dataDir, args: ["--rpc-port", "0"], env: { LYSS_LOG_FORMAT: "json" } });
const address = new URL(/"peerUrl":"([^"]+)"/.exec(platform.output())?.[1] ?? "").host;
const lyss = fileURLToPath(new URL("../../../bin/lyss", import.meta.url));
const token = execFileSync(process.execPath, [lyss, "rpc", "token", "--data-dir", dataDir], {
  encoding: "utf8",
}).trim();

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs grpcurl as docs/guides/running-apart.md says: the token comes from the environment, where `ps` does not show it. */
function run(args: readonly string[], shown = token): Promise<Ran> {
  const all = ["-plaintext", "-expand-headers", "-H", "authorization: Bearer $" + "{LYSS_RPC_TOKEN}", ...args];
  return new Promise((resolve) => {
    execFile(grpcurl, all, { env: { LYSS_RPC_TOKEN: shown }, timeout: 30_000 }, (err, stdout, stderr) => {
      resolve({ code: Number(err?.code ?? 0), stdout, stderr });
    });
  });
}

test("list and describe show every service by reflection, and nothing without a good token", async () => {
  const { stdout } = await run([address, "list"]);
  for (const name of ["lyss.auth.v1.AuthService", "lyss.billing.v1.BillingService", "grpc.health.v1.Health"]) {
    assert.ok(stdout.split("\n").includes(name), stdout);
  }
  const described = await run([address, "describe", "lyss.tenant.v1.TenantService.CreateTenant"]);
  assert.match(described.stdout, /CreateTenantRequest/);
  const message = await run([address, "describe", "lyss.tenant.v1.CreateTenantRequest"]);
  assert.match(message.stdout, /string slug = 2/);
  for (const wrong of ["wrong", "", `${token.slice(0, -1)}_`]) {
    const refused = await run([address, "list"], wrong);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /token is missing or wrong/);
  }
});

test("a call with -d is answered, and one that fails shows its details", async () => {
  const body = JSON.stringify({ name: "Acme", slug: "acme-by-hand", plan: "free" });
  const made = await run(["-d", body, address, "lyss.tenant.v1.TenantService/CreateTenant"]);
  assert.equal(made.code, 0, made.stderr);
  assert.equal(JSON.parse(made.stdout).tenant.slug, "acme-by-hand");
  const missing = await run(["-d", '{"tenant_id":"ten_none"}', address, "lyss.tenant.v1.TenantService/GetTenant"]);
  assert.equal(missing.code, 64 + 5);
  assert.match(missing.stderr, /Code: NotFound/);
  assert.match(missing.stderr, /google\.rpc\.ErrorInfo/);
  assert.match(missing.stderr, /"reason": "NOT_FOUND"/);
  const bad = await run([
    "-d",
    '{"name":"","slug":"ok-slug","plan":"free"}',
    address,
    "lyss.tenant.v1.TenantService/CreateTenant",
  ]);
  assert.match(bad.stderr, /Code: InvalidArgument/);
  assert.match(bad.stderr, /"field": "name"/);
});

test("a stream goes on until its time is over, and health is told", async () => {
  const body = JSON.stringify({ service: "tenant" });
  const checked = await run(["-d", body, address, "grpc.health.v1.Health/Check"]);
  assert.equal(JSON.parse(checked.stdout).status, "SERVING");
  const watched = await run(["-max-time", "2", "-d", body, address, "grpc.health.v1.Health/Watch"]);
  assert.match(watched.stdout, /"status": "SERVING"/);
  assert.match(watched.stderr, /DeadlineExceeded/);
});

test("a call by hand is on the audit's record as the operator's, without what was said", () => {
  const lines = platform
    .output()
    .split("\n")
    .filter((line) => line.includes('"audit":true'));
  const record = lines
    .map((line) => JSON.parse(line))
    .find((line) => line.operation === "tenant.createTenant" && line.called_by === "operator" && line.code === "ok");
  assert.ok(record, lines.join("\n"));
  assert.equal(lines.join("\n").includes("acme-by-hand"), false);
});
