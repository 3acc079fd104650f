import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import type { Client } from "@connectrpc/connect";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Seeded } from "@lyss/kit/testing/seeded-random.ts";
import type { LeaseChange } from "@lyss/services/billing/lease.ts";
import { changeMoney, moneyGrant, moneyReturn } from "@lyss/services/billing/lease-test-changes.ts";
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

  async function change(wanted: LeaseChange): Promise<bigint> {
    const name =
      wanted.kind === "grant"
        ? `${wanted.leaseId} asks for ${wanted.want.money}`
        : `${wanted.leaseId} returns ${wanted.amounts.money}`;
    return BigInt(
      answered(
        await exec(`${name} of ${wanted.tenantId} (${wanted.changeNumber})`, {
          system: async (ops) => `${await changeMoney(ops, wanted)}`,
          reference: () => reference.changeLease(wanted),
        }),
      ),
    );
  }

  const ttlMs = BigInt(terms.leaseTtlMs);
  const client: Pick<Client<typeof BillingService>, "grantLease" | "returnLease" | "extendLeases"> = {
    async grantLease({ leaseId = "", nodeId = "", tenantId = "", changeNumber = 0, wantNanos = 0n, leastNanos = 0n }) {
      const grant = moneyGrant({ leaseId, nodeId, tenantId }, { changeNumber, wantNanos, leastNanos });
      return { grantedNanos: await change(grant), ttlMs, budgetIds: [] as string[] } as never;
    },
    async returnLease({ leaseId = "", nodeId = "", tenantId = "", changeNumber = 0, amountNanos = 0n }) {
      await change(moneyReturn({ leaseId, nodeId, tenantId }, { changeNumber, amountNanos }));
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

function answered(answer: string | undefined): string {
  if (answer === undefined) throw databaseGone;
  if (answer === billingFailures.lease_not_found.code) throw new Failure(billingFailures.lease_not_found);
  return answer;
}
