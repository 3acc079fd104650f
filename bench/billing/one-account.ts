import { parseArgs } from "node:util";
import { type Client, createClient } from "@connectrpc/connect";
import { BillingService, CallOutcome } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { createCallGate } from "@lyss/kit/rpc/call-gate.ts";
import { interceptClient } from "@lyss/kit/rpc/client-interceptor.ts";
import { createInProcessTransport } from "@lyss/kit/rpc/in-process-transport.ts";
import { createRpcMetrics } from "@lyss/kit/rpc/rpc-metrics.ts";
import { interceptServer } from "@lyss/kit/rpc/server-interceptor.ts";
import { systemClock as clock, delay } from "@lyss/kit/service/clock.ts";
import { openSpool } from "@lyss/kit/spool/spool.ts";
import { createTempFolder } from "@lyss/kit/testing/temp-folder.ts";
import { silentLog as log, type TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { createBudgetPaths } from "@lyss/services/ai-gateway/funds/budget-paths.ts";
import { createFactJournal } from "@lyss/services/ai-gateway/funds/fact-journal.ts";
import { createFunder } from "@lyss/services/ai-gateway/funds/funder.ts";
import { assessEveryMs, createLeaseKeeper } from "@lyss/services/ai-gateway/funds/lease-keeper.ts";
import { createPriceCache } from "@lyss/services/ai-gateway/funds/price-cache.ts";
import { Registry } from "prom-client";
import { model, type OpenBilling, openBilling, provider, startNanos } from "./open-billing.ts";
import { callAtRate, createLatencies, type Latencies } from "./open-loop.ts";
import { describeMachine, readLoad, withSections, writeSections } from "./sections.ts";

/** How an account took a steady load. */
interface AccountFigure {
  readonly name: string;
  /** Until the money is set aside; until it is charged from then on; until both, from when the call was due. */
  readonly reserve: Latencies;
  readonly settle: Latencies;
  readonly both: Latencies;
  readonly deadlocks: number;
}

const perSecond = 500;
const goalMs = 50;
/** PostgreSQL tells of a session's deadlocks a second later at the latest. */
const statsMs = 2_000;
const tokens = { inputTokens: 1_234n, cachedInputTokens: 512n, outputTokens: 345n };
const bounds = { inputTokens: 1_234n, maxOutputTokens: 400n, minOutputTokens: 400n };

/** One way to pay for a call: resolves when the money is set aside, with what resolves when it is charged. */
type Pay = (callId: string) => Promise<() => Promise<unknown>>;

const fullSeconds = 600;
const quickSeconds = 20;
const warmUpSeconds = 2;

/**
 * One account under a steady load, for ten minutes unless `--seconds` says otherwise; `--quick` takes twenty seconds and writes
 * nothing. Throws a RangeError for a time that is none.
 */
export async function runOneAccount(args: readonly string[]): Promise<void> {
  const options = { seconds: { type: "string" }, quick: { type: "boolean" } } as const;
  const { values } = parseArgs({ args: [...args], options });
  const seconds = Number(values.seconds ?? (values.quick ? quickSeconds : fullSeconds));
  if (!Number.isSafeInteger(seconds) || seconds < 1 || seconds > 86_400) {
    throw new RangeError("--seconds is a whole number from 1 to 86,400");
  }
  const machine = describeMachine("one-account", readLoad());
  const works: (() => Promise<void>)[] = [];
  try {
    const text = await describeOneAccount({ after: (work) => works.push(work) }, seconds);
    const sections = [{ title: "One account", text: `${machine}\n\n${text}` }];
    console.log(withSections("", sections));
    if (!values.quick) writeSections(new URL("../results/billing.md", import.meta.url), sections);
  } finally {
    for (const work of works.toReversed()) await work();
  }
}

/** 500 calls a second on one account for so long: each by itself, then from a lease. Throws when an update was lost. */
async function describeOneAccount(t: TestScope, seconds: number): Promise<string> {
  const billing = await openBilling(t);
  const byHold = (tenantId: string) => payByHold(billing, tenantId);
  const byLease = (tenantId: string) => payByLease(t, billing, tenantId);
  for (const open of [byHold, byLease]) await measureAccount(billing, "warm-up", warmUpSeconds, open);
  const figures = [
    await measureAccount(billing, "each by itself", seconds, byHold),
    await measureAccount(billing, "from a lease", seconds, byLease),
  ];
  const deadlocks = figures.reduce((sum, figure) => sum + figure.deadlocks, 0);
  const verdicts = figures.map(({ name, both }) => `${name} ${both.p99Ms <= goalMs ? "met" : "missed"}`).join(", ");
  const calls = figures.reduce((sum, { both }) => sum + both.count, 0);
  return `${perSecond} calls a second on one account for ${seconds} s, begun at that rate whatever becomes of those before; what a call takes counts from when it
was due. Each by itself is how calls go where money is scarce: a reservation and a settlement, many of them to a commit, in an embedded
PostgreSQL that syncs every commit. From a lease is how they go otherwise: settled means written to the node's spool, and posted a moment later.
Goals: no deadlock (${deadlocks === 0 ? "met" : "missed"}); p99 of both steps up to ${goalMs} ms (${verdicts}). No update was lost: of ${calls.toLocaleString("en")} calls each was charged once, the balance was the start less all usage, nothing was held,
and the books balanced.

| | calls | reserve p50 / p99 ms | settle p50 / p99 ms | both p50 / p99 / max ms | deadlocks |
|---|---:|---:|---:|---:|---:|
${figures.map(toLine).join("\n")}`;
}

async function measureAccount(
  billing: OpenBilling,
  name: string,
  seconds: number,
  open: (tenantId: string) => Promise<{ readonly pay: Pay; close(): Promise<void> }>,
): Promise<AccountFigure> {
  const tenantId = await billing.createTenant();
  const { pay, close } = await open(tenantId);
  const [reserve, settle, both] = [createLatencies(), createLatencies(), createLatencies()];
  const deadlocksBefore = await readDeadlocks(billing);
  await callAtRate({ seconds, perSecond }, async (dueMs) => {
    const settleCall = await pay(billing.service.random.id("call"));
    reserve.addSince(dueMs);
    const reservedMs = clock.monotonicMs();
    await settleCall();
    settle.addSince(reservedMs);
    both.addSince(dueMs);
  });
  await close();
  await delay(clock, statsMs);
  const deadlocks = (await readDeadlocks(billing)) - deadlocksBefore;
  const figure = { name, reserve: reserve.read(), settle: settle.read(), both: both.read(), deadlocks };
  await verifyAccount(billing, tenantId, figure.both.count);
  return figure;
}

const namesOf = (tenantId: string, callId: string) => ({
  ...{ callId, tenantId, requestId: "req_bench", keyId: "key_bench", userId: "usr_bench", provider, model },
});

async function payByHold({ service: { ops } }: OpenBilling, tenantId: string) {
  const pay: Pay = async (callId) => {
    await ops.reserveCall({ ...namesOf(tenantId, callId), ...bounds, choices: 1n });
    const end = { callId, tenantId, ...tokens, outcome: "completed", isEstimated: false, latencyMs: 812n } as const;
    return () => ops.settleCall(end);
  };
  return { pay, close: async () => undefined };
}

/** A gateway node's money, as the gateway wires it, beside billing. */
async function payByLease(t: TestScope, { service }: OpenBilling, tenantId: string) {
  const { random } = service;
  const client = connect(service);
  const nodeId = random.id("node");
  const { spool } = openSpool({ root: createTempFolder(t), clock, log });
  const journal = createFactJournal({ spool, billing: client, nodeId, clock, log });
  const leases = createLeaseKeeper({ billing: client, spool, nodeId, clock, random, log });
  const prices = createPriceCache(client, { clock, random, metrics: new Registry() });
  const budgets = createBudgetPaths(client, { clock, random, metrics: new Registry() });
  const { fund } = createFunder({ billing: client, prices, budgets, leases, journal, clock, log });
  const stopping = new AbortController();
  const keeping = (async () => {
    while (!stopping.signal.aborted) {
      await Promise.all([leases.assess(), leases.extend()]);
      await delay(clock, assessEveryMs, stopping.signal).catch(() => undefined);
    }
  })();
  const pay: Pay = async (callId) => {
    const funds = await fund({ ...namesOf(tenantId, callId), ...bounds, choices: 1 });
    return () => funds.settle({ outcome: CallOutcome.COMPLETED, tokens, isEstimated: false, latencyMs: 812 });
  };
  return {
    pay,
    async close() {
      stopping.abort();
      await keeping;
      await journal.flush(AbortSignal.timeout(60_000));
      await journal.stop();
      await leases.close();
      await spool.close();
    },
  };
}

/** Billing as a gateway in the same process calls it. */
function connect({ rpc }: OpenBilling["service"]): Client<typeof BillingService> {
  if (!rpc) throw new Error("billing offers no RPC");
  const server = {
    ...{ service: "billing", clock, log, metrics: createRpcMetrics(new Registry()), gate: createCallGate("billing") },
    ...{ audit: () => undefined, callers: new Set<string>(), idempotent: [] },
  };
  const transport = createInProcessTransport(interceptServer(rpc, server), clock);
  return createClient(BillingService, interceptClient(transport, { service: "billing", clock }));
}

async function readDeadlocks({ service: { sql } }: OpenBilling): Promise<number> {
  const [row] = await sql<{ deadlocks: number }[]>`
    select deadlocks::int from pg_stat_database where datname = current_database()`;
  return row?.deadlocks ?? 0;
}

async function verifyAccount({ service: { ops, sql } }: OpenBilling, tenantId: string, calls: number): Promise<void> {
  const [used] = await sql<{ calls: number; cost: string }[]>`
    select count(distinct call_id)::int as calls, sum(cost_nanos)::text as cost from usage where tenant_id = ${tenantId}`;
  const { balanceNanos, heldNanos } = await ops.getBalance({ tenantId });
  const { findings } = await ops.verifyMoney();
  const isRight = used?.calls === calls && balanceNanos === startNanos - BigInt(used.cost) && heldNanos === 0n;
  if (!isRight || findings.length > 0) {
    const found = {
      calls,
      used,
      balance: String(balanceNanos),
      held: String(heldNanos),
      findings: findings.slice(0, 3),
    };
    throw new Error(`an update was lost: ${JSON.stringify(found)}`);
  }
}

function toLine({ name, reserve, settle, both, deadlocks }: AccountFigure): string {
  const pair = ({ p50Ms, p99Ms }: Latencies) => `${p50Ms.toFixed(1)} / ${p99Ms.toFixed(1)}`;
  const cells = [
    both.count.toLocaleString("en"),
    pair(reserve),
    pair(settle),
    `${pair(both)} / ${both.maxMs.toFixed(0)}`,
  ];
  return `| ${name} | ${cells.join(" | ")} | ${deadlocks} |`;
}
