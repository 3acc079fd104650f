import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { createTempFolder } from "@lyss/kit/testing/temp-folder.ts";
import { startInvoiceFixture } from "@lyss/services/billing/invoices/testdata/invoice-fixture.ts";
import { billing } from "@lyss/services/billing/service.ts";
import { addInvoiceCommands } from "./invoice-commands.ts";
import { createTestGroup } from "./test-command.ts";

const fixture = await startInvoiceFixture({ after });
const { ops } = fixture;
after(() => fixture.stop?.());
const server = await startTestServer({
  mounted: [{ name: "billing", routes: billing.routes, ops, peerUrl: undefined }],
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

const lyss = createTestGroup(addInvoiceCommands, { name: "invoices", url: server.url, locale: "zh_CN" });

test("periods are closed, and invoices listed, shown and saved from the command line", async () => {
  await fixture.createTenant("ten_a");
  await ops.topUpWallet({ tenantId: "ten_a", amountNanos: 1_500_000_000n, reference: "first", source: "manual" });
  await fixture.call("ten_a", "2025-10-02T00:00:00Z", { inputTokens: 42n });
  await fixture.postedAt("2025-10-03T00:00:00Z");
  fixture.moveTo("2025-11-02T00:00:00Z");
  assert.match(await lyss("close"), /^issued +1\n$/);
  const list = await lyss("list");
  assert.match(list, /2025-000001 +2025-10-01 +2025-11-01 +0\.000000042 +1\.499999958 +inv_\w+\n$/);
  assert.equal(await lyss("list", "--all-tenants"), list);
  const id = /inv_\w+/.exec(list)?.[0] ?? "";
  const shown = await lyss("show", id);
  assert.match(shown, /top_up +1\.500000000\nusage +-0\.000000042\nclosing +1\.499999958/);
  assert.match(shown, /\nm +p +1 +1 +0\.000000042\n$/);
  const folder = createTempFolder({ after });
  const path = (await lyss("download", id, "--folder", folder)).trim();
  assert.ok(path.endsWith("invoice-2025-000001.pdf"));
  assert.equal(readFileSync(path).toString("latin1", 0, 8), "%PDF-1.7");
  await assert.rejects(lyss("download", "inv_none"), /没有此账单。 \[BILLING_060/);
});
