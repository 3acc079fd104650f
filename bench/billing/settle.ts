import type { Tx } from "@lyss/kit/db/database.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import type { Fact } from "@lyss/services/billing/fact.ts";
import { copyFacts } from "@lyss/services/billing/fact-store.ts";
import { moneyGrant } from "@lyss/services/billing/lease-test-changes.ts";
import { model, type OpenBilling, provider, startNanos } from "./open-billing.ts";

/** How much settling is done at once, and for whom. */
export interface SettlePlan {
  readonly seconds: number;
  /** Nodes that post at the same time, each its next batch when the one before is charged. */
  readonly nodes: number;
  /** Wallets whose calls are mixed in each node's batches. */
  readonly walletsPerNode: number;
  /** True when all nodes serve the same wallets. */
  readonly isShared: boolean;
  /** True when 3 of 10 calls have two tags, of 16 kinds. */
  readonly isTagged?: boolean;
}

/** What a way to settle took. */
export interface SettleFigure {
  readonly facts: number;
  readonly factsPerSecond: number;
  readonly nodeMicrosPerFact: number;
  readonly postgresMicrosPerFact: number;
}

/** As many as a gateway node posts at once. */
const batchSize = 2_000;
const keysPerWallet = 10;
const nothing = { uncollectedNanos: 0n, roundingTrillionths: 0n };

interface Node {
  readonly payers: readonly Payer[];
}

interface Payer {
  readonly tenantId: string;
  readonly leaseId: string;
  readonly keys: readonly { readonly keyId: string; readonly userId: string }[];
}

/**
 * Settles calls through `postFacts`, and looks afterwards whether each wallet has lost what its calls cost and the books
 * balance. Throws when they do not.
 */
export async function measureSettling(billing: OpenBilling, plan: SettlePlan): Promise<SettleFigure> {
  const { ops } = billing.service;
  const nodes = await createNodes(billing, plan);
  const figure = await measure(billing, plan, async (node) => {
    await ops.postFacts({ facts: createFacts(billing, nodes[node]?.payers ?? [], plan.isTagged) });
  });
  await billing.service.untilHeard();
  await verify(billing, nodes, figure.facts);
  return figure;
}

/** The floor: the same rows into a table like that of usage, by COPY, and nothing else. */
export async function measureCopy(billing: OpenBilling, plan: SettlePlan): Promise<SettleFigure> {
  const { sql, random } = billing.service;
  await sql`create table if not exists floor (like usage including all)`;
  const nodes = await createNodes(billing, plan);
  const figure = await measure(billing, plan, async (node) => {
    const names = { walletId: random.id("wal"), postingId: random.id("pst"), costNanos: 1n, ...nothing };
    const rows = createFacts(billing, nodes[node]?.payers ?? []).map((fact) => ({ ...fact, ...names }));
    await sql.begin((tx) => copyFacts(tx as unknown as Tx, "floor", rows));
  });
  await sql`drop table floor`;
  return figure;
}

async function measure(
  billing: OpenBilling,
  { nodes, seconds }: SettlePlan,
  post: (node: number) => Promise<void>,
): Promise<SettleFigure> {
  let facts = 0;
  const startMs = systemClock.monotonicMs();
  const startCpu = process.cpuUsage();
  const startPostgres = billing.readPostgresCpuSeconds();
  await Promise.all(
    Array.from({ length: nodes }, async (_, node) => {
      while (systemClock.monotonicMs() - startMs < seconds * 1_000) {
        await post(node);
        facts += batchSize;
      }
    }),
  );
  const elapsedSeconds = (systemClock.monotonicMs() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(startCpu);
  const postgresSeconds = billing.readPostgresCpuSeconds() - startPostgres;
  return {
    facts,
    factsPerSecond: facts / elapsedSeconds,
    nodeMicrosPerFact: (user + system) / facts,
    postgresMicrosPerFact: (postgresSeconds * 1e6) / facts,
  };
}

async function createNodes(billing: OpenBilling, plan: SettlePlan): Promise<readonly Node[]> {
  const { ops, random } = billing.service;
  const tenantIds: string[] = [];
  const wallets = plan.isShared ? plan.walletsPerNode : plan.walletsPerNode * plan.nodes;
  for (let i = 0; i < wallets; i++) tenantIds.push(await billing.createTenant());
  const nodes: Node[] = [];
  for (let node = 0; node < plan.nodes; node++) {
    const first = plan.isShared ? 0 : node * plan.walletsPerNode;
    const payers: Payer[] = [];
    for (const tenantId of tenantIds.slice(first, first + plan.walletsPerNode)) {
      const names = { leaseId: random.id("lse"), nodeId: `node_${node}`, tenantId };
      await ops.changeLease(moneyGrant(names, { wantNanos: startNanos }));
      const keys = Array.from({ length: keysPerWallet }, () => ({ keyId: random.id("key"), userId: random.id("usr") }));
      payers.push({ tenantId, leaseId: names.leaseId, keys });
    }
    nodes.push({ payers });
  }
  return nodes;
}

function createFacts(
  { service: { random }, priceId }: OpenBilling,
  payers: readonly Payer[],
  isTagged = false,
): readonly Fact[] {
  const startedAtMs = BigInt(Math.round(systemClock.nowMs()));
  return Array.from({ length: batchSize }, (_, i): Fact => {
    const payer = payers[i % payers.length];
    const key = payer?.keys[i % keysPerWallet];
    return {
      ...{ callId: random.id("call"), attempt: 1, requestId: random.id("req"), tenantId: payer?.tenantId ?? "" },
      ...{
        leaseId: payer?.leaseId ?? "",
        keyId: key?.keyId ?? "",
        userId: key?.userId ?? "",
        provider,
        model,
        priceId,
      },
      ...{ outcome: "completed", isEstimated: false, latencyMs: 812n, startedAtMs },
      ...{ inputTokens: 1_234n, cachedInputTokens: 512n, outputTokens: BigInt(100 + (i % 700)) },
      ...(isTagged && random.bytes(1).readUInt8() < 77 && { tags: tagsOf(random.bytes(1).readUInt8()) }),
    };
  });
}

function tagsOf(kind: number): string {
  return `env=${kind % 2 === 0 ? "prod" : "test"},team=team-${(kind >> 1) % 8}`;
}

async function verify(billing: OpenBilling, nodes: readonly Node[], facts: number): Promise<void> {
  const { ops, sql } = billing.service;
  const { findings, findingCount } = await ops.verifyMoney();
  if (findingCount > 0n) throw new Error(`the books do not balance: ${JSON.stringify(findings.slice(0, 3))}`);
  const tenantIds = [...new Set(nodes.flatMap(({ payers }) => payers.map(({ tenantId }) => tenantId)))];
  const [row] = await sql<{ rows: number; hours: number; wrong: number }[]>`
    select (select count(*)::int from usage where tenant_id = any(${tenantIds})) as rows,
      (select sum(calls)::int from usage_sum where unit = 'hour' and tenant_id = any(${tenantIds})) as hours,
      (select count(*)::int from wallet join (
          select wallet_id, sum(cost_nanos) as cost from usage where tenant_id = any(${tenantIds}) group by wallet_id
        ) used using (wallet_id)
        where balance_nanos <> ${String(startNanos)}::bigint - cost) as wrong`;
  if (row?.rows !== facts || row.hours !== facts || row.wrong !== 0) {
    throw new Error(`${facts} facts were posted, and this was found: ${JSON.stringify(row)}`);
  }
}
