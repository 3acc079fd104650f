// tidy: every operation draws from the same seed and acts on the same world, and so in one closure.
import assert from "node:assert/strict";
import { type BudgetUnit, budgetUnits } from "@lyss/contracts/budgets/amounts.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import type { FakeClock } from "@lyss/kit/testing/fake-clock.ts";
import type { Seeded } from "@lyss/kit/testing/seeded-random.ts";
import { toLeasePath } from "@lyss/services/ai-gateway/funds/budget-paths.ts";
import type { NodeLease } from "@lyss/services/ai-gateway/funds/lease-book.ts";
import type { Fact } from "@lyss/services/billing/fact.ts";
import type { ReserveRequest } from "@lyss/services/billing/ledger-requests.ts";
import type { Outcome, Rates, Tokens } from "@lyss/services/billing/model.ts";
import type { BillingOps } from "@lyss/services/billing/ops.ts";
import { databaseGone } from "./memory-tables.ts";
import { createMoney } from "./money.ts";
import {
  beginCall,
  type Call,
  dropPosted,
  endCall,
  type KnownPrice,
  keptOf,
  type Node,
  neededFor,
  type Remains,
  remainsOf,
  startNode,
} from "./node.ts";
import { createReference, stepMs } from "./reference.ts";
import { nameOf } from "./reference-budgets.ts";
import type { MoneySystem } from "./systems.ts";

const models = ["m1", "m2"];
/** Some of one's own budgets. */
const cappedKeyId = "key_capped";
const keyIds = ["key_1", cappedKeyId];
const provider = "p";
/** Of a run that fails. */
const shownLines = 40;
const tenantCount = 3;
const nodeCount = 3;

/** What a run is made of. */
export interface ModelRun {
  readonly system: MoneySystem;
  readonly clock: FakeClock;
  readonly seeded: Seeded;
  /** How many operations. */
  readonly operations: number;
  /** The whole state is compared after every so many. */
  readonly compareEvery: number;
}

/** What happened in a run, in order: the same for the same seed. */
export interface ModelResult {
  readonly log: readonly string[];
}

/**
 * Does operations drawn from a seed on the money system and on the reference, and compares every answer and, again and again,
 * everything that money is in. Rejects at the first difference, with the last operations.
 */
export async function runModel(run: ModelRun): Promise<ModelResult> {
  const world = await createWorld(run);
  const { log } = world;
  try {
    for (let operation = 1; operation <= run.operations; operation++) {
      await world.operate();
      world.checkLeases();
      if (operation % run.compareEvery === 0) await world.compare();
    }
    await world.finish();
  } catch (err) {
    const message = err instanceof Error ? err.message : String(err);
    throw new Error(`${message}\n\nThe last that was done:\n${log.slice(-shownLines).join("\n")}`, { cause: err });
  }
  return { log };
}

interface World {
  readonly log: readonly string[];
  operate(): Promise<void>;
  compare(): Promise<void>;
  checkLeases(): void;
  /** Everything that is under way ends, is posted and runs out: nothing is held then, and every wallet is what was paid in less what was used. */
  finish(): Promise<void>;
}

async function createWorld({ system, clock, seeded }: ModelRun): Promise<World> {
  const { between } = seeded;
  const reference = createReference();
  const random = createRandom(clock, (size) => Buffer.from(Array.from({ length: size }, () => between(0, 255))));
  const log: string[] = [];
  const money = createMoney({ system, reference, seeded, log });
  const tenantIds: string[] = [];
  const nodes: Node[] = [];
  /** Spools of nodes that are gone; another may find them much later. */
  const lateRemains: Remains[] = [];
  const posted: Fact[] = [];
  /** Leases that calls have drawn from, as their nodes have them. */
  const seenLeases = new Map<NodeLease, Node>();
  /** From which a call has taken more than it was to take at most. */
  const overspent = new Set<string>();
  const prices = new Map<string, KnownPrice[]>();
  let lastReference = 0;
  /** Of every call: usage is filed by it, and real time stands nearly still. */
  const startMs = clock.nowMs();

  const pick = <T>(things: readonly T[]): T => things[between(0, things.length - 1)] as T;
  const drawRates = (): Rates => ({
    inputNanosPerMillion: BigInt(between(1, 4_000_000)),
    cachedInputNanosPerMillion: BigInt(between(0, 1_000_000)),
    outputNanosPerMillion: BigInt(between(0, 6_000_000)),
  });

  async function setPrice(tenantId: string, model: string): Promise<void> {
    const rates = drawRates();
    const [price] = await system.ops.putPrices({ tenantId, prices: [{ provider, model, ...rates }] });
    reference.setRates(tenantId, model, rates);
    if (price) reference.knowRates(price.priceId, rates);
    if (price)
      prices.set(`${tenantId}/${model}`, [
        { priceId: price.priceId, rates },
        ...(prices.get(`${tenantId}/${model}`) ?? []),
      ]);
  }

  /** The newest, or the one before it where the node has not heard of it. */
  function priceOf(tenantId: string, model: string): KnownPrice {
    const [price, before = price] = prices.get(`${tenantId}/${model}`) ?? [];
    assert.ok(price && before);
    return between(0, 4) === 0 ? before : price;
  }

  async function addCap(tenantId: string, keyId: string, unit: BudgetUnit, isThere: boolean): Promise<void> {
    if (!isThere) return;
    const limit = BigInt({ money: between(100, 20_000), tokens: between(100, 4_000), calls: between(1, 60) }[unit]);
    const cap = { name: nameOf(tenantId, keyId, unit), tenantId, keyId, unit, limit };
    log.push(`${cap.name} is capped at ${limit}`);
    await system.addCap(cap);
    reference.addCap(cap);
  }

  function topUp(tenantId: string, isRepeat: boolean): Promise<unknown> {
    const name = `t${isRepeat ? between(1, Math.max(1, lastReference)) : ++lastReference}`;
    const amountNanos = BigInt(between(1, 8_000));
    const input = { tenantId, amountNanos, reference: name, source: "grant" } as const;
    return money.exec(`top up ${tenantId} by ${amountNanos} as ${name}`, {
      system: async (ops) => `${(await ops.topUpWallet(input)).isNew}`,
      reference: () => reference.topUp(tenantId, name, amountNanos),
    });
  }

  function setLimit(tenantId: string, isRepeat: boolean): Promise<unknown> {
    const name = `l${isRepeat ? between(1, Math.max(1, lastReference)) : ++lastReference}`;
    const limitNanos = BigInt(pick([0, between(0, 4_000)]));
    const input = { tenantId, limitNanos, reference: name, reason: "test", userId: "usr_op" };
    return money.exec(`limit ${tenantId} to ${limitNanos} as ${name}`, {
      system: async (ops) => `${(await ops.setCreditLimit(input)).limitNanos}`,
      reference: () => reference.setLimit(tenantId, name, limitNanos),
    });
  }

  function drawRequest(): ReserveRequest {
    const most = between(1, 60);
    return {
      ...{
        callId: random.id("call"),
        requestId: "req",
        keyId: pick(keyIds),
        userId: "usr",
        provider,
        model: pick(models),
      },
      ...{ tenantId: pick(tenantIds), inputTokens: BigInt(between(0, 40)), choices: BigInt(between(1, 2)) },
      ...{ maxOutputTokens: BigInt(most), minOutputTokens: BigInt(pick([most, 1])) },
    };
  }

  /** Of a call that may have used more than it was to use at most: providers report what they report. */
  function drawTokens({ fact, mostInput, mostOutput }: Call): { outcome: Outcome; tokens: Tokens } {
    if (between(0, 9) === 0) return { outcome: "failed", tokens: noTokens };
    const isOver = between(0, 24) === 0;
    const factor = isOver ? 8 : 1;
    if (isOver) overspent.add(fact.leaseId);
    const input = between(0, Number(mostInput) * factor);
    const cached = between(0, input);
    const tokens = {
      inputTokens: BigInt(input - cached),
      cachedInputTokens: BigInt(cached),
      outputTokens: BigInt(between(0, Number(mostOutput) * factor)),
    };
    return { outcome: pick(["completed", "canceled", "truncated"]), tokens };
  }

  async function begin(node: Node): Promise<void> {
    const request = drawRequest();
    const { callId, tenantId, model } = request;
    const price = priceOf(tenantId, model);
    const draw = await Promise.resolve(node.keeper.draw(pathOf(request), neededFor(price, request))).catch(ignoreGone);
    if (draw === "gone") return;
    if (draw) {
      seenLeases.set(draw.lease, node);
      assert.notEqual(reference.leaseNanos(draw.lease.leaseId), undefined, "a call draws from a lease that is no more");
      log.push(`${node.nodeId} draws ${draw.amounts.money} from ${draw.lease.leaseId} for ${callId}`);
      beginCall(node, request, price, draw, startMs);
      return;
    }
    const held = await money.exec(
      `reserve ${callId} of ${tenantId}, ${request.minOutputTokens} to ${request.maxOutputTokens}`,
      {
        system: async (ops) => {
          const { amountNanos, outputTokens } = await ops.reserveCall(request);
          return `${amountNanos} for ${outputTokens}`;
        },
        reference: () => reference.reserve(request),
      },
    );
    // A request of which nobody knows whether it was granted is not sent.
    if (held !== undefined && !held.startsWith("billing.")) beginCall(node, request, price, undefined, startMs);
  }

  /** More for one of the calls that have a hold of their own; it may have expired. */
  async function raise(node: Node): Promise<void> {
    const held = [...node.calls.values()].filter(({ draw, request }) => !draw && request);
    if (held.length === 0) return;
    const call = pick(held);
    const { request } = call;
    assert.ok(request);
    const most = request.maxOutputTokens + BigInt(between(1, 40));
    const more = { ...request, maxOutputTokens: most, minOutputTokens: pick([request.maxOutputTokens + 1n, most]) };
    const answer = await money.exec(`raise ${more.callId} of ${more.tenantId} to ${most}`, {
      system: async (ops) => {
        const { amountNanos, outputTokens } = await ops.raiseHold(more);
        return `${amountNanos} for ${outputTokens}`;
      },
      reference: () => reference.raise(more),
    });
    if (answer === undefined || answer.startsWith("billing.")) return;
    const raised = { ...request, maxOutputTokens: most };
    node.calls.set(more.callId, { ...call, request: raised, mostOutput: most * request.choices });
  }

  /** Some of what has ended, in any order, and now and then what was posted long ago. */
  async function post(node: Node, isHeld: boolean): Promise<void> {
    const own = [...node.ended.values()].filter(({ fact }) => (fact.leaseId === "") === isHeld);
    const calls = own.filter(() => between(0, 3) > 0);
    const old = posted.filter((fact) => (fact.leaseId === "") === isHeld && between(0, 9) === 0);
    const facts = shuffle([...calls.map(({ fact }) => fact), ...old, ...calls.slice(0, 1).map(({ fact }) => fact)]);
    const answer = await money.exec(
      `${node.nodeId} posts ${facts.map(({ callId, outcome }) => `${callId} ${outcome}`).join(", ")}`,
      {
        system: async (ops) => {
          const { uncollectedNanos, repeated } = await ops.postFacts({ facts });
          return `${uncollectedNanos} uncollected, ${repeated} repeated`;
        },
        reference: () => (isHeld ? reference.postHeld(facts) : reference.postFacts(facts)),
      },
    );
    if (answer === undefined) return;
    for (const call of calls) dropPosted(node, call);
    posted.push(...calls.map(({ fact }) => fact));
  }

  function shuffle<T>(things: T[]): T[] {
    for (let i = things.length - 1; i > 0; i--) {
      const j = between(0, i);
      [things[i], things[j]] = [things[j] as T, things[i] as T];
    }
    return things;
  }

  async function beat(node: Node): Promise<void> {
    log.push(`${node.nodeId} beats`);
    await node.keeper.extend().catch(ignoreGone);
    const callIds = [...node.calls.values()].filter(({ draw }) => !draw).map(({ fact }) => fact.callId);
    await money.exec(`${node.nodeId} extends ${callIds.join(", ")}`, {
      system: async (ops) => `${await ops.extendHolds({ callIds })}`,
      reference: () => reference.extendHolds(callIds),
    });
  }

  /** All that was in memory is gone. Its spool is taken up at once, later, or never. */
  function crash(node: Node): void {
    log.push(`${node.nodeId} dies with ${node.calls.size} calls`);
    for (const [lease, owner] of seenLeases) if (owner === node) seenLeases.delete(lease);
    const fate = between(0, 2);
    if (fate > 0) lateRemains.push(remainsOf(node));
    const remains = fate === 0 ? remainsOf(node) : between(0, 2) === 0 ? lateRemains.shift() : undefined;
    nodes[nodes.indexOf(node)] = startNode(money.client, { clock, random }, remains);
  }

  /** Frees at once what a dead node's leases hold, when all that was in its spool is posted. */
  async function close(node: Node): Promise<void> {
    const isPosted = [...node.ended.values()].every(({ draw, fact }) => draw !== undefined || fact.leaseId === "");
    if (!isPosted) return;
    for (const { nodeId, leaseIds } of node.closings) {
      const closing = {
        system: async (ops: BillingOps) => `${await ops.closeLeases({ nodeId, leaseIds })} freed`,
        reference: () => reference.closeLeases(nodeId, leaseIds),
      };
      await money.exec(`${node.nodeId} closes ${leaseIds.join(", ")} of ${nodeId}`, closing, "none");
    }
    node.closings = [];
  }

  async function advance(durationMs: number, isStep: boolean): Promise<void> {
    log.push(`time goes on by ${durationMs}`);
    clock.advance(durationMs);
    reference.advance(durationMs);
    if (isStep) await system.age(durationMs);
  }

  const expire = async () => {
    await money.exec("holds expire", { system: doing((ops) => ops.expireHolds()), reference: reference.expireHolds });
    // A fault in the middle leaves some tenants' leases freed and others' not: both is right, and which is not foreseen.
    await money.exec(
      "leases expire",
      { system: doing((ops) => ops.expireLeases()), reference: reference.expireLeases },
      "none",
    );
  };

  const settleAny = (node: Node) => {
    if (node.calls.size === 0) return;
    const call = pick([...node.calls.values()]);
    const { outcome, tokens } = drawTokens(call);
    log.push(
      `${call.fact.callId} ends ${outcome} ${tokens.inputTokens}+${tokens.cachedInputTokens}+${tokens.outputTokens}`,
    );
    endCall(node, call, outcome, tokens);
  };

  const choices: readonly (readonly [weight: number, () => Promise<unknown> | unknown])[] = [
    [30, () => begin(pick(nodes))],
    [25, () => settleAny(pick(nodes))],
    [4, () => raise(pick(nodes))],
    [10, () => post(pick(nodes), false)],
    [6, () => post(pick(nodes), true)],
    [4, () => topUp(pick(tenantIds), between(0, 3) === 0)],
    [2, () => setLimit(pick(tenantIds), between(0, 3) === 0)],
    [3, () => setPrice(pick(["", ...tenantIds]), pick(models))],
    [5, () => beat(pick(nodes))],
    [4, () => pick(nodes).keeper.assess()],
    [2, () => pick(nodes).keeper.recall(pick(tenantIds))],
    [2, () => crash(pick(nodes))],
    [2, () => close(pick(nodes))],
    [1, () => system.restart()],
    [4, () => advance(between(1, 3_000), false)],
    [3, () => advance(stepMs * pick([1, 1, 2, 3, 6]), true)],
    [4, expire],
  ];
  const total = choices.reduce((sum, [weight]) => sum + weight, 0);

  for (let n = 0; n < tenantCount; n++) {
    const tenantId = random.id("ten");
    await system.createWallet(tenantId);
    tenantIds.push(tenantId);
    await topUp(tenantId, false);
    // Of the last tenant every call is capped, of the first only those of the key, in all units at once.
    for (const unit of budgetUnits) await addCap(tenantId, cappedKeyId, unit, n === 0 || between(0, 1) === 0);
    await addCap(tenantId, "", pick(budgetUnits), n === tenantCount - 1);
  }
  // Versions that hold for all are of the same database for every run on it: each run begins with its own.
  for (const model of models) for (const tenantId of ["", ...tenantIds]) await setPrice(tenantId, model);
  for (let n = 0; n < nodeCount; n++) nodes.push(startNode(money.client, { clock, random }));

  async function compare(): Promise<void> {
    assert.deepEqual(await system.state(tenantIds), reference.state(tenantIds));
  }

  /**
   * While a node may draw from a lease, billing holds for it all that the node has promised or has left. Not so of a lease
   * from which a call has taken more than it was to take: that is taken from the others.
   */
  function checkLeases(): void {
    for (const [lease, node] of seenLeases) {
      if (clock.monotonicMs() >= lease.validUntilMs || overspent.has(lease.leaseId)) continue;
      const charged = [...node.ended.values()].filter(
        ({ fact, draw }) => draw?.lease === lease && reference.useOf(fact.callId),
      );
      for (const unit of budgetUnits) {
        const purse = lease[unit];
        if (!purse) continue;
        const there = unit === "money" ? reference.leaseNanos(lease.leaseId) : reference.shareOf(lease.leaseId, unit);
        assert.ok(
          (there ?? -1n) >= purse.free + purse.out - charged.reduce((sum, call) => sum + keptOf(call, unit), 0n),
          `${node.nodeId} believes to have ${purse.free} ${unit} free and ${purse.out} out of ${lease.leaseId}, where there are ${there}`,
        );
      }
    }
  }

  return {
    log,
    compare,
    checkLeases,
    async operate() {
      let left = between(1, total);
      for (const [weight, operation] of choices) {
        left -= weight;
        if (left > 0) continue;
        await operation();
        break;
      }
      await money.quiet();
    },
    async finish() {
      money.endFaults();
      for (const remains of lateRemains) nodes.push(startNode(money.client, { clock, random }, remains));
      for (const node of nodes) {
        for (const call of [...node.calls.values()])
          endCall(node, call, "canceled", { ...noTokens, outputTokens: call.mostOutput });
        while (node.ended.size > 0) {
          await post(node, false);
          await post(node, true);
        }
        await close(node);
        await node.keeper.close();
      }
      await money.quiet();
      await compare();
      for (let n = 0; n < 6; n++) await advance(stepMs, true);
      await expire();
      await compare();
      for (const tenantId of tenantIds) {
        const wallet = await system.ops.getBalance({ tenantId });
        assert.equal(wallet.heldNanos, 0n, "nothing is held when nobody is at work");
      }
    },
  };
}

/** As billing tells nodes: the only budgets are of tenants, and of one key. */
const pathOf = ({ tenantId, keyId }: ReserveRequest) =>
  toLeasePath({ tenantId, userId: "", keyId: keyId === cappedKeyId ? keyId : "" });
const noTokens: Tokens = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };

function doing(work: (ops: BillingOps) => Promise<void>): (ops: BillingOps) => Promise<undefined> {
  return async (ops) => void (await work(ops));
}

function ignoreGone(err: unknown): "gone" {
  if (err === databaseGone) return "gone";
  throw err;
}
