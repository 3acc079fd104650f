import assert from "node:assert/strict";
import { test } from "node:test";
import { auditFailures } from "@lyss/contracts/failures/audit.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { eachTopology } from "@lyss/kit/testing/each-topology.ts";
import { audit } from "./service.ts";

eachTopology("audit", { services: [audit] }, (topology) => {
  test("a log of which nothing was written is empty and intact", async () => {
    const client = topology.client(audit);
    assert.deepEqual((await client.listAuditEntries({ chain: "ten_a" })).entries, []);
    const { isIntact, isComplete, entries } = await client.verifyAuditChain({ chain: "ten_a" });
    assert.deepEqual([isIntact, isComplete, entries], [true, true, 0n]);
  });

  test("what does not exist is not found, and bad input names the field", async () => {
    const client = topology.client(audit);
    const missing = client.getAuditEntry({ chain: "ten_a", entryId: "none" });
    await assert.rejects(missing, (err) => isFailure(err, auditFailures.not_found));
    await assert.rejects(client.listAuditEntries({ acts: ["A B"] }), (err) => {
      return isFailure(err, kitFailures.invalid_request) && /^acts/.test(String(err.details["field"]));
    });
    await assert.rejects(client.verifyAuditChain({ chain: "" }), (err) => isFailure(err, kitFailures.invalid_request));
  });
});
