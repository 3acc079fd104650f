import assert from "node:assert/strict";
import { after, test } from "node:test";
import { credentialFailures } from "@lyss/contracts/failures/credential.ts";
import { CredentialService, CredentialStatus } from "@lyss/contracts/gen/lyss/credential/v1/credential_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { eachTransport } from "@lyss/kit/testing/each-transport.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { createCredentialRpc } from "./rpc.ts";
import { credential } from "./service.ts";

const { ops, random } = await startTestService({ after }, credential, { clients: {} });
const origin = "https://api.openai.com";
const canary = "canary-7f3a9c1e5b2d4860-canary";

eachTransport("credential", (serve) => {
  test("a peer stores a secret, sees what may be shown, and reveals it for its origin only", async () => {
    await using served = await serve(CredentialService, createCredentialRpc(ops));
    const { client } = served;
    const tenantId = random.id("ten");
    const input = { tenantId, name: "openai", secret: canary, allowedOrigins: [`${origin}/`] };
    const { credential: stored } = await client.createCredential(input);
    assert.ok(stored);
    const { credentialId } = stored;
    assert.equal(stored.lastFour, canary.slice(-4));
    assert.deepEqual(stored.allowedOrigins, [origin]);
    assert.deepEqual(await client.revealCredential({ credentialId, origin }).then((it) => it.secret), canary);
    await assert.rejects(client.revealCredential({ credentialId, origin: "https://evil.example" }), (err) =>
      isFailure(err, credentialFailures.origin_refused),
    );

    const rotated = await client.rotateCredential({ tenantId, credentialId, secret: `${canary}2` });
    assert.equal(rotated.credential?.version, 2);
    const { credentials, nextCursor } = await client.listCredentials({ tenantId });
    assert.deepEqual(credentials, [rotated.credential]);
    assert.equal(nextCursor, "");
    const revoked = await client.revokeCredential({ tenantId, credentialId });
    assert.equal(revoked.credential?.status, CredentialStatus.REVOKED);
    const { credential: shown } = await client.getCredential({ tenantId, credentialId });
    assert.deepEqual(shown, revoked.credential);
    assert.equal(served.logLines.join("\n").includes(canary), false);
  });

  test("bad input names the field, and the secret is not repeated", async () => {
    await using served = await serve(CredentialService, createCredentialRpc(ops));
    const good = { tenantId: "ten_a", name: "openai", secret: canary, allowedOrigins: [origin] };
    const cases: readonly (readonly [input: object, field: string])[] = [
      [{ tenantId: "" }, "tenantId"],
      [{ name: " " }, "name"],
      [{ name: "x".repeat(101) }, "name"],
      [{ secret: "" }, "secret"],
      [{ secret: canary.repeat(1_000) }, "secret"],
      [{ allowedOrigins: [] }, "allowedOrigins"],
      [{ allowedOrigins: [`https://${canary}@evil.example`] }, "allowedOrigins.0"],
      [{ allowedOrigins: Array.from({ length: 17 }, (_, i) => `https://${i}.example`) }, "allowedOrigins"],
    ];
    for (const [input, field] of cases) {
      await assert.rejects(served.client.createCredential({ ...good, ...input }), (err) => {
        assert.ok(isFailure(err, kitFailures.invalid_request), field);
        assert.equal(err.details["field"], field);
        assert.equal(`${err.message} ${JSON.stringify(err.details)}`.includes(canary), false);
        return true;
      });
    }
    for (const page of [{ limit: 201 }, { limit: -1 }, { cursor: "nonsense" }]) {
      await assert.rejects(served.client.listCredentials({ tenantId: "ten_a", ...page }), (err) =>
        isFailure(err, kitFailures.invalid_request),
      );
    }
    assert.equal(served.logLines.join("\n").includes(canary), false);
  });
});
