import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openTestCluster } from "@lyss/kit/testing/postgres.ts";
import { type Provider, providerDialects } from "./model.ts";
import { createAiGatewayStore } from "./store.ts";

const cluster = await openTestCluster({ after }, [
  { name: "ai-gateway", migrations: new URL("./migrations/", import.meta.url) },
]);
const db = cluster.open("ai-gateway");
const store = createAiGatewayStore(db.sql);

test("a tenant's own provider may speak every API that the program speaks, and is read as it was written", async () => {
  const providers = providerDialects.map(
    (dialect): Provider => ({
      ...{ providerId: `prv_${dialect}`, tenantId: "ten_1", name: dialect, dialect, baseUrl: "https://x/v1" },
      ...{ source: "tenant", credentialId: "", models: [], onDisconnect: "cancel", serverTools: true },
      ...{ apiVersion: "2024-10-21", unsupportedParameters: "drop", dataPolicy: "retains", region: "eu-west-1" },
      createdAt: new Date(0),
    }),
  );
  for (const provider of providers) await db.transaction((tx) => store.putProvider(tx, provider));
  const read = (await store.listProviders()).map((provider) => ({ ...provider, createdAt: new Date(0) }));
  const inOrder = (list: readonly Provider[]) => list.toSorted((a, b) => a.name.localeCompare(b.name));
  assert.deepEqual(inOrder(read), inOrder(providers));
});
