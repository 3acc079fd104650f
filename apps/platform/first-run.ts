import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@connectrpc/connect";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { type BillingService, TopUpSource } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { type TenantService, TenantStatus } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import type { UserService } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import { firstRunFile } from "./first-run-file.ts";

const slug = "default";
const adminEmail = "admin@lyss.local";
const playMoneyNanos = 10_000_000_000n;

/** What the first start made, as `first-run.json` holds it. */
export interface FirstRun {
  readonly url: string;
  readonly adminEmail: string;
  readonly adminPassword: string;
  readonly apiKey: string;
}

export interface FirstRunDeps {
  readonly tenant: Client<typeof TenantService>;
  readonly user: Client<typeof UserService>;
  readonly auth: Client<typeof AuthService>;
  readonly billing: Client<typeof BillingService>;
  readonly random: Random;
  readonly dataDir: string;
  readonly url: string;
}

/**
 * Makes the first tenant with its admin, ten dollars of play money and an API key, writes `first-run.json` (mode 0600), and
 * gives what it made; undefined when that was done before. The tenant is activated last: a start that was killed half way is
 * finished by the next one, with new secrets where the old ones are lost.
 */
export async function runFirstTime(deps: FirstRunDeps): Promise<FirstRun | undefined> {
  const { tenant, auth, billing, random, dataDir, url } = deps;
  const created = await tenant.createTenant({ name: "Default", slug, plan: "free" });
  const tenantId = created.tenant?.tenantId ?? "";
  if (created.tenant?.status !== TenantStatus.PROVISIONING) return undefined;

  const adminPassword = random.bytes(18).toString("base64url");
  const userId = await createAdmin(deps, tenantId, adminPassword);
  await billing.createWallet({ tenantId });
  await billing.topUpWallet({
    ...{ tenantId, amountNanos: playMoneyNanos, reference: "first-run", source: TopUpSource.GRANT },
  });
  await revokeLostKeys(auth, tenantId);
  const grantor = { userId, permissions, models: [] };
  const { secret } = await auth.createKey({ tenantId, userId, name: keyName, permissions, grantor });
  const made = { url, adminEmail, adminPassword, apiKey: secret };
  writeDurably(join(dataDir, firstRunFile), `${JSON.stringify(made, null, 2)}\n`);
  await tenant.activateTenant({ tenantId });
  return made;
}

const keyName = "first key";
/** As the role `operator` has them. */
const permissions = ["*", "platform:*"];

async function createAdmin({ user }: FirstRunDeps, tenantId: string, password: string): Promise<string> {
  try {
    const { userId } = await user.createUser({
      email: adminEmail,
      password,
      name: "Admin",
      tenantId,
      role: "operator",
    });
    return userId;
  } catch (err) {
    if (!isFailure(err, userFailures.email_taken)) throw err;
    const { userId } = await user.setPassword({ email: adminEmail, password });
    return userId;
  }
}

/** Keys of a first start that was killed before it could say their secrets. */
async function revokeLostKeys(auth: FirstRunDeps["auth"], tenantId: string): Promise<void> {
  const { keys } = await auth.listKeys({ tenantId, limit: 200 });
  await Promise.all(keys.map(({ keyId }) => auth.revokeKey({ tenantId, keyId })));
}

function writeDurably(file: string, text: string): void {
  const draft = `${file}.draft`;
  const descriptor = openSync(draft, "w", 0o600);
  writeSync(descriptor, text);
  fsyncSync(descriptor);
  closeSync(descriptor);
  renameSync(draft, file);
}
