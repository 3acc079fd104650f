import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { createTempFolder } from "@lyss/kit/testing/temp-folder.ts";
import { audit } from "@lyss/services/audit/service.ts";
import { addAuditCommands } from "./audit-commands.ts";
import { createTestGroup } from "./test-command.ts";

const service = await startTestService({ after }, audit, { clients: {} });
const { ops, db, sql } = service;
const server = await startTestServer({
  mounted: [{ name: "audit", routes: audit.routes, ops, peerUrl: undefined }],
  guard: () => ({
    tenantId: "ten_a",
    userId: "u",
    keyId: "",
    ...noSession,
    permissions: ["*", "platform:*"],
    models: [],
  }),
});
after(() => server.close());
const folder = createTempFolder({ after });

const lyss = createTestGroup(addAuditCommands, { name: "audit", url: server.url, locale: "en_US" });

async function keep(act: string, tenantId = "ten_a"): Promise<void> {
  await db.transaction((tx) =>
    ops.keepEntry(tx, {
      ...{ eventId: service.random.id("evt"), act, tenantId, actorId: "usr_a", operatorId: "", subjectKind: "key" },
      ...{ subjectId: "key_1", clientAddress: "192.0.2.1", happenedAtMs: 0, details: { b: 1, a: "=SUM(1)" } },
    }),
  );
}

for (const act of ["key.created", "key.revoked", "user.signed_in"]) await keep(act);
await keep("resilience.ordered", "");

test("entries are listed, shown and checked from the command line", async () => {
  const list = await lyss("list", "--act", "key.*", "--limit", "1");
  assert.match(list, /key\.revoked +usr_a +key key_1 +192\.0\.2\.1 +aud_\w+\n\nMore: --cursor/);
  const id = /aud_\w+/.exec(list)?.[0] ?? "";
  assert.match(await lyss("show", id), /sequence +2\n[\s\S]*"a": "=SUM\(1\)"/);
  assert.match(await lyss("verify"), /entries +3\n/);
  assert.match(await lyss("verify", "--tenant", "platform"), /entries +1\n/);
  assert.match(await lyss("list", "--all-tenants"), /resilience\.ordered/);
  await assert.rejects(lyss("show", "aud_none"), /AUDIT_001/);
});

test("an export is checked without the platform; one that was changed is not taken", async () => {
  const file = join(folder, "audit.jsonl");
  await lyss("export", "--output", file, "--all-tenants");
  assert.match(await lyss("verify", "--file", file), /ten_a +3 +1 +3 +[0-9a-f]{64}\nplatform +1 +1 +1/);
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  const spoilt = join(folder, "spoilt.jsonl");
  const checkOf = (given: readonly string[], ...words: readonly string[]) => {
    writeFileSync(spoilt, `${given.join("\n")}\n`);
    return lyss("verify", "--file", spoilt, ...words);
  };
  for (const [name, value] of Object.entries({
    ...{ id: "x", sequence: 9, act: "x", actor_id: "x", operator_id: "x", subject_kind: "x", subject_id: "x" },
    ...{ happened_at: "2020-01-01T00:00:00Z", recorded_at: "2020-01-01T00:00:00Z", details: {}, event_id: "x" },
    ...{ digest: "x", previous_digest: "x", client_address: "192.0.2.2", address_digest: "x" },
  })) {
    const changed = JSON.stringify({ ...JSON.parse(lines[1] ?? ""), [name]: value });
    await assert.rejects(checkOf(lines.with(1, changed)), /line 2: the (entry|address) is not/, name);
  }
  await assert.rejects(checkOf(lines.toSpliced(1, 1)), /1 entries are missing in the log ten_a/);
  assert.match(await checkOf(lines.toSpliced(1, 1), "--selection"), /ten_a +2 +1 +3/);
  await assert.rejects(checkOf(lines.toReversed()), /line 3: the entry is out of order/);
  await assert.rejects(checkOf(["{"]), /line 1: this is no JSON/);
  await assert.rejects(checkOf(['{"id":"x"}']), /line 1: tenant_id is missing/);
});

test("a spreadsheet takes nothing of an export for a formula", async () => {
  const csv = await lyss("export", "--format", "csv", "--subject", "key_1");
  const [head, first] = csv.split("\r\n");
  assert.match(head ?? "", /^id,tenant_id,sequence,act,/);
  assert.match(first ?? "", /^aud_\w+,ten_a,1,key\.created,usr_a,,key,key_1,192\.0\.2\.1,1970-/);
  assert.match(first ?? "", /"\{""b"":1,""a"":""=SUM\(1\)""\}"/);
});

test("a log that somebody changed is named, and the command fails", async () => {
  await sql`update entry set actor_id = 'usr_x' where chain = 'ten_a' and sequence = 2`;
  await assert.rejects(lyss("verify"), /The log is broken at entry 2: entry_altered\./);
});
