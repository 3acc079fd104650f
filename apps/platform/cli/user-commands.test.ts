import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { bindingOf } from "@lyss/contracts/events/answer-export.ts";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { Secret } from "@lyss/kit/config/secret.ts";
import { sealTo } from "@lyss/kit/crypto/seal-to.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { createTempFolder } from "@lyss/kit/testing/temp-folder.ts";
import { exportingServices } from "@lyss/services/user/exports/export-model.ts";
import { user } from "@lyss/services/user/service.ts";
import { peersThatServe } from "@lyss/services/user/test-peers.ts";
import { createTestGroup } from "./test-command.ts";
import { addUserCommands } from "./user-commands.ts";

const clients = peersThatServe(({ rpc }) => {
  rpc(AuthService.method.setPrincipal, () => ({ isApplied: true }));
  rpc(AuthService.method.startImpersonation, ({ userId }) => ({
    ...{ accessToken: `eyJ of ${userId}`, expiresInSeconds: 900, sessionId: "ses_1" },
  }));
});
const { ops, db, sql, random } = await startTestService({ after }, user, { clients });
const password = new Secret("correct horse battery");
const person = (name: string, role: "owner" | "member") =>
  ops.createUser({ tenantId: "ten_a", email: `${name.toLowerCase()}@example.com`, password, name, role });
const owner = await person("Olga", "owner");
const { userId } = await person("Ann", "member");
const server = await startTestServer({
  mounted: [{ name: "user", routes: user.routes, ops, peerUrl: undefined }],
  guard: () => ({
    ...{ tenantId: "ten_a", userId: owner.userId, keyId: "", ...noSession, models: [] },
    ...{ sessionId: "ses_op", provenMs: systemClock.nowMs(), permissions: ["*", "platform:impersonate"] },
  }),
});
after(() => server.close());

const lyss = createTestGroup(addUserCommands, { name: "user", url: server.url, locale: "zh_CN" });

test("people are found, changed, barred and removed from the command line", async () => {
  assert.match(await lyss("list", "--sort", "name"), /ann@example\.com +Ann +member +active +usr_\w+\nolga/);
  assert.match(await lyss("list", "--limit", "1"), /\n\nMore: --cursor /);
  assert.match(await lyss("show", "me"), /name +Olga\n/);
  assert.match(await lyss("rename", userId, "Anna"), /name +Anna\n/);
  assert.match(await lyss("role", userId, "admin"), /role +admin\n/);
  assert.match(await lyss("disable", userId), /status +suspended\n/);
  assert.match(await lyss("enable", userId), /status +active\n/);
  const audit = await lyss("audit", userId, "--limit", "3");
  assert.match(audit, /status_changed +usr_\w+ +\S+ +status: suspended → active\n/);
  await assert.rejects(lyss("remove", userId), /Repeat the command with --yes/);
  assert.equal(await lyss("remove", userId, "--yes"), `Removed ${userId}.\n`);
  assert.match(
    await lyss("erasure", userId),
    /^running\n\nSERVICE +FORGOTTEN\nai-gateway +not yet\n[\s\S]*user +\d{4}-/,
  );
  await assert.rejects(lyss("show", userId), /USER_/);
});

test("what is kept of a person is asked for from the command line", async () => {
  const file = join(createTempFolder({ after }), "olga.json");
  const asked = await lyss("export", "me", "--output", file);
  assert.match(asked, /^running\n\nSERVICE +EXPORTED\nai-gateway +not yet\n[\s\S]*Repeat the command\.\n$/);
  assert.equal(existsSync(file), false);
  const [row] = await sql`select export_id, public_key from person_export`;
  await db.transaction(async (tx) => {
    for (const service of exportingServices) {
      const content = sealTo(random, row?.["public_key"], gzipSync("{}"), bindingOf(row?.["export_id"], service));
      await ops.noteExported(tx, row?.["export_id"], { service, number: 0, isLast: true, content });
    }
  });
  assert.match(await lyss("export", "me"), /^ready\n\n[\s\S]*give --output\.\n$/);
  assert.match(await lyss("export", "me", "--output", file), /\n\nSaved .*olga\.json\.\n$/);
  assert.equal(JSON.parse(readFileSync(file, "utf8")).user_id, owner.userId);
});

test("people are invited from the command line, and invitations are taken back", async () => {
  const id = /id +(inv_\w+)/.exec(await lyss("invite", "new@example.com", "--role", "admin"))?.[1] ?? "";
  assert.match(await lyss("invitations"), new RegExp(`new@example\\.com +admin +\\S+ +${owner.userId} +${id}`));
  assert.equal(await lyss("uninvite", id), `Taken back: ${id}.\n`);
  assert.doesNotMatch(await lyss("invitations"), /new@/);
});

test("the factors of somebody who lost them are reset from the command line, for a reason", async () => {
  const { userId: id } = await person("Lea", "member");
  await assert.rejects(lyss("reset-factors", id, "--reason", "telephone lost"), /Repeat the command with --yes/);
  const reset = ["reset-factors", id, "--reason", "telephone lost", "--yes"];
  assert.equal(await lyss(...reset), `Reset the factors of ${id}. They are told by mail.\n`);
  assert.match(await lyss("audit", id, "--limit", "1"), new RegExp(`factors_reset +${owner.userId} .*telephone lost`));
  await assert.rejects(lyss("reset-factors", "usr_none", "--reason", "x", "--yes"), /USER_/);
});

test("an operator acts in a person's name from the command line, for a reason", async () => {
  const { userId: id } = await person("Mila", "member");
  const shown = await lyss("impersonate", id, "--reason", "ticket 7");
  assert.match(shown, new RegExp(`good for 900 s \\(session ses_1\\):\neyJ of ${id}\n`));
});
