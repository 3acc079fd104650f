import type { Client } from "@connectrpc/connect";
import { groupFailures } from "@lyss/contracts/failures/group.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { type BillingService, TopUpSource } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { BudgetScope } from "@lyss/contracts/gen/lyss/billing/v1/budget_pb.js";
import type { GroupService } from "@lyss/contracts/gen/lyss/group/v1/group_pb.js";
import type { UserService } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { makeTraffic } from "./demo-traffic.ts";
import { demoApps, demoBudgets, demoGroups, demoPeople, demoTopUps } from "./demo-world.ts";

export interface FillDeps {
  readonly user: Client<typeof UserService>;
  readonly auth: Client<typeof AuthService>;
  readonly group: Client<typeof GroupService>;
  readonly billing: Client<typeof BillingService>;
  /** Waits, for as many milliseconds. */
  readonly pause: (delayMs: number) => Promise<void>;
  /** Is told how many of how many attempts are booked. */
  readonly onProgress: (booked: number, all: number) => void;
}

export interface FillOptions {
  readonly tenantId: string;
  readonly slug: string;
  readonly password: string;
  readonly seed: string;
  readonly days: number;
  readonly calls: number;
  /** Where the traffic ends: the same in a repeat, so that a repeat books nothing twice. */
  readonly endMs: number;
}

export interface Filled {
  readonly ownerEmail: string;
  /** Of the owner's own key. */
  readonly apiKey: string;
  readonly attempts: number;
  readonly costNanos: bigint;
}

const provider = "simulated";
/** One that is over, as of a node that comes back late: what is drawn from it is paid from what the wallet has. */
const leaseId = "lse_demo";
const everything = ["*"];
const retryMs = 100;
const maxRetries = 300;
const factsAtOnce = 1_000;

/**
 * Fills a tenant as a company's that has used Lyss for `days`: by the same calls that people and gateways make, so that everything that
 * holds for them holds here. A repeat with the same options goes on where another was cut short. Throws an Error where the simulated
 * provider has no prices.
 */
export async function fillTenant(deps: FillDeps, options: FillOptions): Promise<Filled> {
  const userIds = await makePeople(deps, options);
  const groupIds = await makeGroups(deps, options, userIds);
  const { keyIds, secrets } = await makeKeys(deps, options, userIds);
  const facts = await priceTraffic(deps, options, { userIds, keyIds });
  await deps.billing.createWallet({ tenantId: options.tenantId });
  await makeBudgets(deps, options, { userIds, groupIds, keyIds });
  const costNanos = await book(deps, options, facts);
  const owner = ownerOf(options.slug);
  return { ...owner, apiKey: secrets.get(ownersKey) ?? "", attempts: facts.length, costNanos };
}

const ownersKey = "playground";

/** The person who shows that a tenant was made here. */
export function ownerOf(slug: string): { readonly ownerEmail: string } {
  const [owner] = demoPeople;
  return { ownerEmail: emailOf(owner?.handle ?? "", slug) };
}

function emailOf(handle: string, slug: string): string {
  return `${handle}@${slug}.lyss.local`;
}

async function makePeople({ user }: FillDeps, { tenantId, slug, password }: FillOptions) {
  const userIds = new Map<string, string>();
  for (const { handle, name, role } of demoPeople) {
    const email = emailOf(handle, slug);
    try {
      const { userId } = await user.createUser({ tenantId, email, password, name, role });
      userIds.set(handle, userId);
    } catch (err) {
      if (!isFailure(err, userFailures.email_taken)) throw err;
      userIds.set(handle, (await user.setPassword({ email, password })).userId);
    }
  }
  return userIds;
}

type Ids = ReadonlyMap<string, string>;

async function makeGroups({ group, pause }: FillDeps, { tenantId }: FillOptions, userIds: Ids) {
  const groupIds = new Map<string, string>();
  for (const { name, description, owner } of demoGroups) {
    const ownerId = userIds.get(owner) ?? "";
    const actor = { userId: ownerId, permissions: everything };
    const { groups } = await group.listGroups({ tenantId, actor, name, limit: 200 });
    const known = groups.find((one) => one.name === name);
    // Groups hear of people a moment later than we do.
    const made =
      known ?? (await untilKnown(pause, () => group.createGroup({ tenantId, name, description, actor }))).group;
    const groupId = made?.groupId ?? "";
    groupIds.set(name, groupId);
    const members = demoPeople.filter(({ handle, groups: names }) => names.includes(name) && handle !== owner);
    for (const { handle } of members) {
      const userId = userIds.get(handle) ?? "";
      try {
        await untilKnown(pause, () => group.addMember({ tenantId, groupId, actor, userId }));
      } catch (err) {
        if (!isFailure(err, groupFailures.member_exists)) throw err;
      }
    }
  }
  return groupIds;
}

/** Tries until a person who was just made is known. */
async function untilKnown<T>(pause: FillDeps["pause"], act: () => Promise<T>): Promise<T> {
  for (let retries = 0; ; retries++) {
    try {
      return await act();
    } catch (err) {
      if (!isFailure(err, groupFailures.person_not_found) || retries === maxRetries) throw err;
      await pause(retryMs);
    }
  }
}

/** Keys of a run that was cut short are revoked: nobody knows their secrets. */
async function makeKeys({ auth }: FillDeps, { tenantId }: FillOptions, userIds: Ids) {
  const { keys } = await auth.listKeys({ tenantId, limit: 200 });
  for (const { keyId, revokedAt } of keys) if (!revokedAt) await auth.revokeKey({ tenantId, keyId });
  const keyIds = new Map<string, string>();
  const secrets = new Map<string, string>();
  const grantorId = userIds.get("mia") ?? "";
  for (const { name, person, models, tags } of demoApps) {
    const userId = userIds.get(person) ?? "";
    const { key, secret } = await auth.createKey({
      ...{ tenantId, userId, name, description: `Of the demonstration: ${tags}` },
      permissions: name === ownersKey ? everything : [],
      models: name === ownersKey ? [] : Object.keys(models),
      grantor: { userId: grantorId, permissions: everything, models: [] },
    });
    keyIds.set(name, key?.keyId ?? "");
    secrets.set(name, secret);
    // As every call does, which notes that the key is in use.
    await auth.verifyKey({ secret });
  }
  return { keyIds, secrets };
}

async function priceTraffic(
  { billing, pause }: FillDeps,
  { tenantId, seed, days, calls, endMs }: FillOptions,
  { userIds, keyIds }: { readonly userIds: Ids; readonly keyIds: Ids },
) {
  const traffic = makeTraffic({ seed: `${seed} ${tenantId}`, days, calls, endMs });
  const wanted = new Set(traffic.map(({ model }) => model));
  const priceIds = new Map<string, string>();
  // A gateway that has just started puts them into the price book.
  for (let retries = 0; [...wanted].some((model) => !priceIds.has(model)); retries++) {
    if (retries === maxRetries)
      throw new Error("The simulated provider has no prices: set aiGateway.simulator to true.");
    if (retries > 0) await pause(retryMs);
    const { prices } = await billing.listPrices({ provider, tenantId });
    for (const price of prices) if (price.isInForce) priceIds.set(price.model, price.priceId);
  }
  return traffic.map(({ app, ...attempt }) => ({
    ...{ ...attempt, tenantId, provider, leaseId, priceId: priceIds.get(attempt.model) ?? "" },
    ...{ keyId: keyIds.get(app.name) ?? "", userId: userIds.get(app.person) ?? "" },
  }));
}

async function makeBudgets(
  { billing, pause }: FillDeps,
  { tenantId, calls, days }: FillOptions,
  ids: { readonly userIds: Ids; readonly groupIds: Ids; readonly keyIds: Ids },
): Promise<void> {
  const nameOf = (scope: BudgetScope, of: string) =>
    ({
      [BudgetScope.GROUP]: ids.groupIds.get(of),
      [BudgetScope.USER]: ids.userIds.get(of),
      [BudgetScope.KEY]: ids.keyIds.get(of),
    })[scope as number] ?? "";
  for (const { scope, of, unit, period, perDailyCall } of demoBudgets) {
    const limit = BigInt(Math.max(1, Math.round((perDailyCall * calls) / days)));
    await billing.setBudget({ tenantId, scope, scopeId: nameOf(scope, of), limit: { unit, period, limit } });
  }
  // Budgets hear of groups' members a moment later; what is booked before counts in no group's.
  for (const { handle } of demoPeople) {
    for (let retries = 0; retries < maxRetries; retries++) {
      const { isByUser } = await billing.checkBudgets({ tenantId, userId: ids.userIds.get(handle) ?? "" });
      if (isByUser) break;
      await pause(retryMs);
    }
  }
}

/** Lets the money come in, then books all of it. Gives what it cost. */
async function book(
  { billing, onProgress }: FillDeps,
  { tenantId, calls }: FillOptions,
  facts: Awaited<ReturnType<typeof priceTraffic>>,
): Promise<bigint> {
  let fundedNanos = 0n;
  for (const [at, nanosPerCall] of demoTopUps.entries()) {
    const amountNanos = BigInt(nanosPerCall * calls);
    fundedNanos += amountNanos;
    await billing.topUpWallet({ tenantId, amountNanos, reference: `demo-${at + 1}`, source: TopUpSource.GRANT });
  }
  for (let at = 0; at < facts.length; at += factsAtOnce) {
    await billing.postFacts({ nodeId: "demo", facts: facts.slice(at, at + factsAtOnce) });
    onProgress(Math.min(at + factsAtOnce, facts.length), facts.length);
  }
  const { balance } = await billing.getBalance({ tenantId });
  return fundedNanos - (balance?.availableNanos ?? 0n) - (balance?.heldNanos ?? 0n);
}
