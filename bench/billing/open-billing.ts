import { createOwnServer } from "@lyss/kit/testing/own-server.ts";
import { startServiceOn } from "@lyss/kit/testing/service-on.ts";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { billing } from "@lyss/services/billing/service.ts";
import { readUsage } from "../gateway/processes.ts";

/** Billing on a PostgreSQL server of its own that is as durable as in production. */
export interface OpenBilling {
  readonly service: Awaited<ReturnType<typeof startBilling>>;
  readonly priceId: string;
  /** A new tenant with so much money. */
  createTenant(): Promise<string>;
  /** CPU seconds that PostgreSQL has used, all of its processes together. */
  readPostgresCpuSeconds(): number;
}

export const provider = "openai";
export const model = "gpt-5-mini";
export const startNanos = 1_000_000n * 10n ** 9n;

/** Starts the service with its projections; it ends with the scope. */
export async function openBilling(t: TestScope): Promise<OpenBilling> {
  const server = createOwnServer(t);
  const { url } = await server.start();
  const service = await startBilling(t, url);
  await service.hear();
  const { ops, random } = service;
  const rates = {
    inputNanosPerMillion: 250_000_000n,
    cachedInputNanosPerMillion: 25_000_000n,
    outputNanosPerMillion: 2_000_000_000n,
  };
  const [price] = await ops.putPrices({ tenantId: "", prices: [{ provider, model, ...rates }] });
  const processId = server.processId();
  return {
    service,
    priceId: price?.priceId ?? "",
    async createTenant() {
      const tenantId = random.id("ten");
      await ops.createWallet({ tenantId });
      await ops.topUpWallet({ tenantId, amountNanos: startNanos, reference: "start", source: "grant" });
      return tenantId;
    },
    readPostgresCpuSeconds: () => readUsage(processId).cpuSeconds,
  };
}

function startBilling(t: TestScope, serverUrl: string) {
  return startServiceOn(serverUrl, t, billing, { clients: {} });
}
