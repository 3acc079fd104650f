import assert from "node:assert/strict";
import { create, type DescMethod, type DescService } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { CredentialService } from "@lyss/contracts/gen/lyss/credential/v1/credential_pb.js";
import type { PriceTerms } from "@lyss/contracts/pricing/price.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import type { CheckedRpc } from "@lyss/kit/rpc/checked-rpc.ts";
import type { ServiceDeps } from "@lyss/kit/service/define-service.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { aiGateway } from "@lyss/services/ai-gateway/service.ts";
import { billing } from "@lyss/services/billing/service.ts";
import { credential } from "@lyss/services/credential/service.ts";
import OpenAI, { APIError, toFile } from "openai";
import { Registry } from "prom-client";

/** What billing is to answer with instead, by the name of a method; it has done what it was asked then. */
export const lostAnswers = new Set<string>();

/** 3 USD of input, 0.30 of what is read from a cache, 15 of output; a third of that in batches, where reasoning has a price of its own. */
export const batchTerms: PriceTerms = {
  rates: { input: 3_000_000_000n, cacheRead: 300_000_000n, output: 15_000_000_000n },
  modes: {
    batch: { input: 1_000_000_000n, cacheRead: 100_000_000n, output: 5_000_000_000n, reasoning: 7_000_000_000n },
  },
};

interface TenantPrice {
  readonly provider: string;
  readonly model: string;
  readonly terms: PriceTerms;
}

const chatPrice: TenantPrice = { provider: "simulated", model: "simulated-chat", terms: batchTerms };

type GatewayDeps = ServiceDeps<(typeof aiGateway)["needs"], (typeof aiGateway)["config"]>;

/** Calls a service as the others do, in this process. */
function clientOf<Service extends DescService>(
  service: Service,
  rpc: CheckedRpc<Service> | undefined,
): Client<Service> {
  return new Proxy({} as Client<Service>, {
    get: (_target, name: string) => async (request: Record<string, unknown>) => {
      const method = service.methods.find(({ localName }) => localName === name) as DescMethod;
      const answer = await rpc?.handlerOf(method)?.(create(method.input, request), {} as never);
      if (lostAnswers.delete(name)) throw new Error(`the answer of ${name} is lost`);
      return create(method.output, answer as Record<string, unknown>);
    },
  });
}

/**
 * A gateway, its billing and its vault on databases of their own, with the simulated provider behind them. Callers are
 * `<tenant>/<person>[/<models>]`; `config` is the gateway's.
 */
export async function startBatchWorld(t: TestScope, config: object = {}) {
  const paid = await startTestService(t, billing, { clients: {} });
  const vault = "providers" in config ? await startTestService(t, credential, { clients: {} }) : undefined;
  const metrics = new Registry();
  const clients = {
    ...{ billing: clientOf(BillingService, paid.rpc), credential: clientOf(CredentialService, vault?.rpc) },
  } as GatewayDeps["clients"];
  const service = await startTestService(t, aiGateway, { clients, config, metrics });
  const server = await startTestServer({
    mounted: [{ name: "ai-gateway", routes: aiGateway.routes, ops: service.ops, peerUrl: undefined }],
    guard({ headers: { authorization } }) {
      const [tenantId, userId, models] = (authorization ?? "").replace("Bearer ", "").split("/");
      if (!tenantId || !userId) return undefined;
      const allowed = models ? models.split(",") : [];
      return {
        tenantId,
        userId,
        keyId: "key_1",
        ...noSession,
        permissions: ["model:*", "provider:proxy"],
        models: allowed,
      };
    },
  });
  t.after(() => server.close());
  let last = 0;
  return {
    ...{ service, server, billing: paid.ops },
    clientOf: (apiKey: string) => new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 }),
    /** Gives its id; `prices` are its own. */
    async createTenant(amountNanos: bigint, prices: readonly TenantPrice[] = [chatPrice]): Promise<string> {
      const tenantId = `ten_${++last}`;
      await paid.ops.createWallet({ tenantId });
      if (amountNanos > 0n) await paid.ops.topUpWallet({ tenantId, amountNanos, reference: "start", source: "grant" });
      await paid.ops.putPrices({ tenantId, prices });
      return tenantId;
    },
    async moneyOf(tenantId: string): Promise<readonly [balance: bigint, held: bigint]> {
      const { balanceNanos, heldNanos } = await paid.ops.getBalance({ tenantId });
      return [balanceNanos, heldNanos];
    },
    /** The sum of a metric's series that have these labels. */
    async counted(name: string, labels: Readonly<Record<string, string>>): Promise<number> {
      const family = metrics.getSingleMetric(name.replace(/_(count|sum)$/, "")) ?? metrics.getSingleMetric(name);
      const { values = [] } = (await family?.get()) ?? {};
      const isAsked = (one: (typeof values)[number]) =>
        ((one as { metricName?: string }).metricName ?? name) === name &&
        Object.entries(labels).every(([label, value]) => one.labels[label] === value);
      return values.filter(isAsked).reduce((sum, { value }) => sum + value, 0);
    },
    /** By the names of the calls. */
    async usageOf(tenantId: string) {
      const { rows } = await paid.ops.listUsage({ tenantId, limit: 100, cursor: "" } as never);
      return rows.toSorted((a, b) => (a.callId < b.callId ? -1 : 1));
    },
  };
}

/** For `assert.rejects` of a call of OpenAI's SDK. */
export const refusal = (status: number, code: string) => (err: unknown) => {
  assert.ok(err instanceof APIError);
  assert.deepEqual([err.status, err.code], [status, code], err.message);
  return true;
};

export type BatchWorld = Awaited<ReturnType<typeof startBatchWorld>>;

/** A line that asks the simulated chat. */
export function lineOf(customId: string, content: string, more: object = {}): string {
  const body = { model: "simulated-chat", messages: [{ role: "user", content }], max_tokens: 100, ...more };
  return JSON.stringify({ custom_id: customId, method: "POST", url: "/v1/chat/completions", body });
}

export function toUpload(lines: readonly string[], name = "requests.jsonl") {
  return toFile(Buffer.from(lines.map((line) => `${line}\n`).join("")), name);
}
