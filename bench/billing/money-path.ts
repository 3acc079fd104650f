import { setImmediate } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { BillingService, CallOutcome, PostFactsRequestSchema } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { wireFormOf } from "@lyss/kit/rpc/wire-form.ts";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createTempFolder } from "@lyss/kit/testing/temp-folder.ts";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { createFunding, type Funding } from "@lyss/services/ai-gateway/funds/funding.ts";
import type { CallToFund } from "@lyss/services/ai-gateway/funds/funds.ts";
import { pino } from "pino";
import { Registry } from "prom-client";

/** What paying for a call costs the gateway's process. */
export interface MoneyPathFigure {
  readonly callsPerSecond: number;
  readonly microsPerCall: number;
}

const log = pino({ level: "silent" });
const random = createRandom(clock);
const providerName = "openai";
const model = "gpt-5-mini";

/**
 * A gateway's funding as it runs in production, with a spool on disk and leases, in front of a billing that grants at once
 * what it is asked for: what this process computes is measured, not what billing does in its own. Facts are
 * encoded as they are for another process.
 */
export function openMoneyPath(t: TestScope): Funding {
  const funding = createFunding({
    ...{ billing: createGenerousBilling(), folder: createTempFolder(t), heartbeatMs: 8_000 },
    ...{ clock, random, log, metrics: new Registry() },
  });
  // As the service's own timers do.
  const assess = funding.jobs.find(({ name }) => name === "assess-leases");
  const timer = setInterval(() => void assess?.run(new AbortController().signal), assess?.everyMs ?? 1_000);
  t.after(async () => {
    clearInterval(timer);
    await funding.stop();
  });
  return funding;
}

function createGenerousBilling() {
  const rates = {
    inputNanosPerMillion: 250_000_000n,
    cachedInputNanosPerMillion: 25_000_000n,
    outputNanosPerMillion: 2_000_000_000n,
  };
  const terms = { rates: { input: 250_000_000n, cacheRead: 25_000_000n, output: 2_000_000_000n } };
  const transport = createRouterTransport(({ service }) => {
    service(BillingService, {
      listPrices: () => ({ prices: [{ priceId: "pri_1", provider: providerName, model, rates, terms }] }),
      checkBudgets: () => ({ hasBudgets: false }),
      grantLease: ({ wantNanos }) => ({ grantedNanos: wantNanos, ttlMs: 30_000n }),
      returnLease: () => ({}),
      postFacts: () => ({}),
    });
  });
  const client = createClient(BillingService, transport);
  return {
    ...client,
    postFacts: (request: Parameters<typeof client.postFacts>[0]) => {
      toBinary(PostFactsRequestSchema, create(PostFactsRequestSchema, wireFormOf(request)));
      return client.postFacts({ nodeId: "", facts: [] });
    },
  } as typeof client;
}

/**
 * So many calls at a time begin and end for so long, each with some turns of the event loop between; without `funding` the
 * same calls without their money, which is what the rest of the loop costs.
 */
export async function measureMoneyPath(
  funding: Funding | undefined,
  { seconds, concurrency }: { readonly seconds: number; readonly concurrency: number },
): Promise<MoneyPathFigure> {
  let calls = 0;
  const startMs = clock.monotonicMs();
  const startCpu = process.cpuUsage();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (clock.monotonicMs() - startMs < seconds * 1_000) {
        const call = toCall();
        const funds = await funding?.fund(call);
        await setImmediate();
        await funds?.settle(spent);
        await setImmediate();
        calls++;
      }
    }),
  );
  const elapsedSeconds = (clock.monotonicMs() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(startCpu);
  return { callsPerSecond: calls / elapsedSeconds, microsPerCall: (user + system) / calls };
}

function toCall(): CallToFund {
  return {
    ...{ callId: random.id("call"), requestId: "req_1", tenantId: "ten_1", keyId: "key_1", userId: "usr_1" },
    ...{
      provider: providerName,
      model,
      inputTokens: 1_234n,
      maxOutputTokens: 4_096n,
      minOutputTokens: 16n,
      choices: 1,
    },
  };
}

const spent = {
  ...{ outcome: CallOutcome.COMPLETED, isEstimated: false, latencyMs: 812 },
  tokens: { inputTokens: 1_234n, cachedInputTokens: 512n, outputTokens: 345n },
};

/** By how many calls at a time, the loop without money and with it: medians of the rounds. */
export interface MoneyPathReport {
  readonly concurrency: number;
  readonly without: MoneyPathFigure;
  readonly withMoney: MoneyPathFigure;
}

const rounds = 5;

async function measureAll(seconds: number): Promise<readonly MoneyPathReport[]> {
  const closes: (() => Promise<void>)[] = [];
  const funding = openMoneyPath({ after: (close) => void closes.push(close) });
  const reports: MoneyPathReport[] = [];
  for (const concurrency of [1, 16, 64]) {
    // Until it is compiled as well as it will be.
    await measureMoneyPath(funding, { seconds, concurrency });
    const without: MoneyPathFigure[] = [];
    const withMoney: MoneyPathFigure[] = [];
    for (let round = 0; round < rounds; round++) {
      without.push(await measureMoneyPath(undefined, { seconds: seconds / 2, concurrency }));
      withMoney.push(await measureMoneyPath(funding, { seconds, concurrency }));
    }
    reports.push({ concurrency, without: medianOf(without), withMoney: medianOf(withMoney) });
  }
  for (const close of closes.toReversed()) await close();
  return reports;
}

function medianOf(figures: readonly MoneyPathFigure[]): MoneyPathFigure {
  const median = figures.toSorted((a, b) => a.microsPerCall - b.microsPerCall)[figures.length >> 1];
  if (!median) throw new Error("there are no rounds");
  return median;
}

// In a process of its own: the test runner, which the other parts load, watches every promise.
if (import.meta.main) console.log(JSON.stringify(await measureAll(Number(process.argv[2] ?? 4))));
