import type { Client } from "@connectrpc/connect";
import { type Amounts, type BudgetUnit, spentAmounts } from "@lyss/contracts/budgets/amounts.ts";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { boundNanos, costOf } from "@lyss/contracts/pricing/price.ts";
import { toQuantities, toTerms } from "@lyss/contracts/pricing/token-price.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Spool, SpoolEntry } from "@lyss/kit/spool/spool.ts";
import { silentLog } from "@lyss/kit/testing/test-cluster.ts";
import { type Draw, notePosted, settleDraw } from "@lyss/services/ai-gateway/funds/lease-book.ts";
import { createLeaseKeeper, type LeaseKeeper } from "@lyss/services/ai-gateway/funds/lease-keeper.ts";
import { parseRecord } from "@lyss/services/ai-gateway/funds/spool-record.ts";
import type { Fact } from "@lyss/services/billing/fact.ts";
import type { ReserveRequest } from "@lyss/services/billing/ledger-requests.ts";
import type { Outcome, Rates, Tokens } from "@lyss/services/billing/model.ts";

/** A version of a price, as a node knows it. */
export interface KnownPrice {
  readonly priceId: string;
  readonly rates: Rates;
}

/** A call as its node has it in memory. */
export interface Call {
  readonly fact: Fact;
  readonly price: KnownPrice;
  readonly draw: Draw | undefined;
  /** As it was admitted; undefined for what another node has left. */
  readonly request: ReserveRequest | undefined;
  /** What it was to use at most. */
  readonly mostInput: bigint;
  readonly mostOutput: bigint;
}

/** An attempt in the node's spool: survives the node. */
export interface Attempt {
  readonly fact: Fact;
  readonly hasEnded: boolean;
}

/** Leases of a node that may have to be closed by another. */
export interface Closing {
  readonly nodeId: string;
  readonly leaseIds: readonly string[];
}

/** What a dead node leaves on disk. */
export interface Remains {
  readonly attempts: ReadonlyMap<string, Attempt>;
  readonly closings: readonly Closing[];
}

/** A gateway node: its leases and its calls in memory, its spool on disk. */
export interface Node {
  readonly nodeId: string;
  readonly keeper: LeaseKeeper;
  /** Under way. */
  readonly calls: Map<string, Call>;
  /** Ended and not known to be posted. */
  readonly ended: Map<string, Call>;
  /** By call; dropped when the fact is posted. */
  readonly attempts: Map<string, Attempt>;
  /** Records of its own leases. */
  readonly leaseRecords: Set<SpoolEntry>;
  /** Of dead nodes, to be closed when what they left is posted. */
  closings: readonly Closing[];
}

/** Starts a node on what is left in spools: what ended is posted as it ended, the rest as lost. */
export function startNode(
  billing: Client<typeof BillingService>,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  remains: Remains = { attempts: new Map(), closings: [] },
): Node {
  const nodeId = random.id("node");
  const leaseRecords = new Set<SpoolEntry>();
  const spool: Pick<Spool, "append" | "drop" | "written"> = {
    written: () => Promise.resolve(),
    append(record) {
      const entry = { record };
      leaseRecords.add(entry);
      return entry;
    },
    drop: (entry) => void leaseRecords.delete(entry),
  };
  const keeper = createLeaseKeeper({ billing, spool: spool as Spool, nodeId, clock, random, log: silentLog });
  const ended = new Map<string, Call>();
  for (const [callId, { fact, hasEnded }] of remains.attempts) {
    const known = hasEnded ? fact : { ...fact, outcome: "lost" as const, isEstimated: true };
    ended.set(callId, { fact: known, price: { priceId: fact.priceId, rates: noRates }, draw: undefined, ...unasked });
  }
  const { closings } = remains;
  return { nodeId, keeper, calls: new Map(), ended, attempts: new Map(remains.attempts), leaseRecords, closings };
}

/** What is on disk when a node dies. */
export function remainsOf({ attempts, leaseRecords, closings }: Node): Remains {
  const own = [...leaseRecords].map(({ record }) => parseRecord(record)).filter((record) => record.kind === "lease");
  return { attempts: new Map(attempts), closings: [...closings, ...own.map(({ closing }) => closing)] };
}

const unasked = { request: undefined, mostInput: 0n, mostOutput: 0n };
const noRates: Rates = { inputNanosPerMillion: 0n, cachedInputNanosPerMillion: 0n, outputNanosPerMillion: 0n };

/** What a lease must have for a call. */
export function neededFor({ rates }: KnownPrice, call: ReserveRequest): Amounts {
  const most = { inputTokens: call.inputTokens, outputTokens: call.maxOutputTokens * call.choices };
  const money = boundNanos(toTerms(rates), most, { startedAtMs: 0 });
  return { money, tokens: most.inputTokens + most.outputTokens, calls: 1n };
}

/** Writes an attempt down: from now on it is in memory and on disk. */
export function beginCall(
  node: Node,
  request: ReserveRequest,
  price: KnownPrice,
  draw: Draw | undefined,
  startedAtMs: number,
): void {
  const { callId, requestId, tenantId, keyId, userId, provider, model } = request;
  const fact: Fact = {
    ...{ callId, requestId, tenantId, keyId, userId, provider, model, attempt: 1, startedAtMs: BigInt(startedAtMs) },
    ...{
      leaseId: draw?.lease.leaseId ?? "",
      priceId: price.priceId,
      outcome: "failed",
      isEstimated: false,
      latencyMs: 1n,
    },
    ...{ inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n },
  };
  const bounds = { mostInput: request.inputTokens, mostOutput: request.maxOutputTokens * request.choices };
  node.calls.set(callId, { fact, price, draw, request, ...bounds });
  node.attempts.set(callId, { fact, hasEnded: false });
}

/** A call ended: the lease has back what it did not use, and its fact waits to be posted. */
export function endCall(node: Node, call: Call, outcome: Outcome, tokens: Tokens): void {
  const fact = { ...call.fact, ...tokens, outcome };
  if (call.draw) settleDraw(call.draw, spentAmounts(tokens, costNanos(call.price, tokens), outcome !== "failed"));
  node.calls.delete(fact.callId);
  node.ended.set(fact.callId, { ...call, fact });
  node.attempts.set(fact.callId, { fact, hasEnded: true });
}

/** Billing has the fact. */
export function dropPosted(node: Node, { fact, draw }: Call): void {
  if (!node.ended.delete(fact.callId)) return;
  node.attempts.delete(fact.callId);
  if (draw) notePosted(draw);
}

/** What a call that has ended takes from its lease. */
export function keptOf({ draw }: Call, unit: BudgetUnit): bigint {
  return draw?.amounts[unit] ?? 0n;
}

function costNanos({ rates }: KnownPrice, tokens: Tokens): bigint {
  return costOf(toTerms(rates), toQuantities(tokens), { startedAtMs: 0 }).costNanos;
}
