import assert from "node:assert/strict";
import { test } from "node:test";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import { eachTopology } from "@lyss/kit/testing/each-topology.ts";
import { auth } from "@lyss/services/auth/service.ts";
import { billing } from "@lyss/services/billing/service.ts";
import { group } from "@lyss/services/group/service.ts";
import { tenant } from "@lyss/services/tenant/service.ts";
import { user } from "@lyss/services/user/service.ts";
import { createLocalJWKSet, jwtVerify } from "jose";

const email = "ann@example.com";
const password = "correct horse battery";

eachTopology("sign-in", { services: [auth, billing, group, tenant, user] }, (topology) => {
  test("the owner of a new tenant signs in, gives a key away, and it works until it is revoked", async () => {
    const [tenants, users, keys] = [topology.client(tenant), topology.client(user), topology.client(auth)];
    const created = await tenants.createTenant({ name: "Acme", slug: "acme", plan: "free" });
    const { tenantId = "" } = created.tenant ?? {};
    const { userId } = await users.createUser({ tenantId, email, password, name: "Ann", role: "owner" });
    await tenants.activateTenant({ tenantId });

    const { accessToken } = await users.signIn({ email, password });
    const { keys: jwks, issuer, audience } = await keys.getJwks({});
    const keySet = createLocalJWKSet({
      keys: jwks.map(({ kty, crv, alg, use, kid, x }) => ({ kty, crv, alg, use, kid, x })),
    });
    const { payload } = await jwtVerify(accessToken, keySet, { issuer, audience, typ: "at+jwt" });
    assert.deepEqual([payload.sub, payload["tenant_id"], payload["role"]], [userId, tenantId, "owner"]);
    const permissions = payload["permissions"] as string[];
    assert.ok(permits(permissions, "key:create"));

    const grantor = { userId, permissions, models: [] };
    const { key, secret } = await keys.createKey({ tenantId, userId, name: "laptop", grantor });
    const verdict = await keys.verifyKey({ secret });
    assert.equal(verdict.result.case === "verified" && verdict.result.value.tenantId, tenantId);
    await keys.revokeKey({ tenantId, keyId: key?.keyId ?? "" });
    assert.equal((await keys.verifyKey({ secret })).result.case, "refused");
  });

  test("failures of one service and of the one behind it arrive as what they are", async () => {
    const wrong = topology.client(user).signIn({ email: "nobody@example.com", password });
    await assert.rejects(wrong, (err) => isFailure(err, userFailures.invalid_credentials));
    const unknown = topology
      .client(auth)
      .startSession({ userId: "usr_a", tenantId: "ten_a", role: "root", methods: ["pwd"] });
    await assert.rejects(unknown, (err) => isFailure(err, authFailures.role_unknown));
  });
});
