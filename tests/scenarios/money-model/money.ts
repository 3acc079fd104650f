import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import type { Client } from "@connectrpc/connect";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Seeded } from "@lyss/kit/testing/seeded-random.ts";
import type { LeaseAnswer, LeaseChange } from "@lyss/services/billing/lease.ts";
import type { BillingOps } from "@lyss/services/billing/ops.ts";
import { databaseGone, type Fault } from "./memory-tables.ts";
import { type Reference, terms } from "./reference.ts";
import type { MoneySystem } from "./systems.ts";

/** An operation as the system does it and as the reference does; both tell what came of it. */
export interface Operation {
  readonly system: (ops: BillingOps) => Promise<string | undefined>;
  readonly reference: () => string | undefined;
}

/** System and reference side by side. */
export interface Money {
  /**
   * Does one operation on both, after those before it, and compares the answers. Gives the answer, or undefined when it was
   * lost: then the operation has happened on both, or on neither.
   */
  exec(name: string, operation: Operation, faults?: "any" | "none"): Promise<string | undefined>;
  /** Billing as a node's leases know it. */
  readonly client: Client<typeof BillingService>;
  /** Resolves when nothing is under way. */
  quiet(): Promise<void>;
  /** From now on nothing goes wrong. */
  endFaults(): void;
}

const lastStatement = 12;

export function createMoney(deps: {
  readonly system: MoneySystem;
  readonly reference: Reference;
  readonly seeded: Seeded;
  readonly log: string[];
}): Money {
  const { system, reference, seeded, log } = deps;
  let last: Promise<unknown> = Promise.resolve();
  let hasFaults = true;

  function drawFault(): Fault | undefined {
    const dice = seeded.between(0, 11);
    if (!hasFaults || dice > 1) return undefined;
    return dice === 0 ? { kind: "lose answer" } : { kind: "die", atStatement: seeded.between(1, lastStatement) };
  }

  async function execNext(name: string, operation: Operation, faults: "any" | "none"): Promise<string | undefined> {
    const fault = faults === "any" ? drawFault() : undefined;
    const done = (answer: string | undefined) => answer ?? "done";
    const { answer, isApplied } = await system.attempt(fault, async (ops) => done(await operation.system(ops)));
    log.push(`${name}: ${answer ?? (isApplied ? "answer lost" : "not done")}`);
    const expected = isApplied ? done(operation.reference()) : undefined;
    if (answer !== undefined) assert.equal(answer, expected, name);
    return answer;
  }

  function exec(name: string, operation: Operation, faults: "any" | "none" = "any"): Promise<string | undefined> {
    const running = last.then(() => execNext(name, operation, faults));
    last = running.catch(() => undefined);
    return running;
  }

  async function change(wanted: LeaseChange): Promise<string> {
    const name =
      wanted.kind === "grant"
        ? `${wanted.leaseId} asks for ${wanted.want.money}, ${wanted.want.tokens} tokens, ${wanted.want.calls} calls`
        : `${wanted.leaseId} returns ${wanted.amounts.money}, ${wanted.amounts.tokens} tokens, ${wanted.amounts.calls} calls`;
    return answered(
      await exec(`${name} of ${wanted.tenantId} ${"keyId" in wanted ? wanted.keyId : ""} (${wanted.changeNumber})`, {
        system: async (ops) => tellChange(await ops.changeLease(wanted), wanted.kind),
        reference: () => reference.changeLease(wanted),
      }),
    );
  }

  const ttlMs = BigInt(terms.leaseTtlMs);
  const client: Pick<Client<typeof BillingService>, "grantLease" | "returnLease" | "extendLeases"> = {
    async grantLease(grant) {
      const {
        wantNanos = 0n,
        wantTokens = 0n,
        wantCalls = 0n,
        leastNanos = 0n,
        leastTokens = 0n,
        leastCalls = 0n,
      } = grant;
      const want = { money: wantNanos, tokens: wantTokens, calls: wantCalls };
      const least = { money: leastNanos, tokens: leastTokens, calls: leastCalls };
      const answer = await change({ kind: "grant", ...grant, want, least } as LeaseChange);
      const [money = "", tokens = "-", calls = "-"] = answer.split(" ");
      return {
        ...{ grantedNanos: BigInt(money), ttlMs, budgetIds: [] as string[] },
        ...(tokens !== "-" && { grantedTokens: BigInt(tokens) }),
        ...(calls !== "-" && { grantedCalls: BigInt(calls) }),
      } as never;
    },
    async returnLease(back) {
      const { amountNanos = 0n, amountTokens = 0n, amountCalls = 0n } = back;
      const amounts = { money: amountNanos, tokens: amountTokens, calls: amountCalls };
      await change({ kind: "return", ...back, amounts } as LeaseChange);
      return {} as never;
    },
    async extendLeases({ nodeId = "", leaseIds = [] }) {
      const open = await exec(`${nodeId} extends its leases`, {
        system: async (ops) => (await ops.extendLeases({ nodeId, leaseIds })).toSorted().join(" "),
        reference: () => reference.extendLeases(nodeId, leaseIds),
      });
      return { openLeaseIds: answered(open).split(" "), ttlMs } as never;
    },
  };

  return {
    exec,
    client: client as Client<typeof BillingService>,
    async quiet() {
      for (let before: unknown; before !== last; ) {
        before = last;
        await last;
        await setImmediate();
      }
    },
    endFaults() {
      hasFaults = false;
    },
  };
}

/** As the reference tells it. */
function tellChange({ amounts, budgets }: LeaseAnswer, kind: LeaseChange["kind"]): string {
  if (kind === "return") return `${amounts.money}`;
  const told = (unit: "tokens" | "calls") =>
    budgets.some((budget) => budget.unit === unit) ? `${amounts[unit]}` : "-";
  return `${amounts.money} ${told("tokens")} ${told("calls")}`;
}

function answered(answer: string | undefined): string {
  if (answer === undefined) throw databaseGone;
  if (answer === billingFailures.lease_not_found.code) throw new Failure(billingFailures.lease_not_found);
  return answer;
}
