import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type Tenant, TenantStatus } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { createLiveConfig } from "@lyss/kit/config/live-config.ts";
import { createLogger } from "@lyss/kit/observability/logger.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import type { Program } from "@lyss/kit/service/program.ts";
import { auth } from "@lyss/services/auth/service.ts";
import { billing } from "@lyss/services/billing/service.ts";
import { group } from "@lyss/services/group/service.ts";
import { tenant } from "@lyss/services/tenant/service.ts";
import { user } from "@lyss/services/user/service.ts";
import { CommandError } from "../cli/api-client.ts";
import type { CliDeps } from "../cli/context.ts";
import { loadPlatformConfig } from "../load-platform-config.ts";
import { startPlatform } from "../up.ts";
import { demoTexts } from "./demo-texts.ts";
import { type Filled, fillTenant, ownerOf } from "./fill-tenant.ts";

export interface DemoOptions {
  readonly tenant: string;
  readonly seed: string;
  readonly days: number;
  readonly calls: number;
  /** Takes its keys and its people's access away instead. */
  readonly isClosing: boolean;
  readonly config?: string | undefined;
  readonly dataDir?: string | undefined;
}

export type DemoResult =
  | ({ readonly state: "filled"; readonly tenantId: string; readonly password: string } & Filled)
  | { readonly state: "there"; readonly tenantId: string; readonly ownerEmail: string; readonly isOpen: boolean }
  | { readonly state: "closed"; readonly tenantId: string };

/** What writes the data, and puts prices into the book; nothing that listens. */
const hosted = ["ai-gateway", "auth", "billing", "credential", "group", "tenant", "user"];
const passwordBytes = 18;
const hurryMs = 20_000;

/**
 * Fills or closes the demonstration's tenant, on the data of this configuration: the platform may be running on it or not. Refuses, with a
 * CommandError, a tenant that was not made by it.
 */
export async function runDemo(deps: CliDeps, options: DemoOptions): Promise<DemoResult> {
  const { env, locale } = deps;
  const flags = {
    ...{ run: hosted.join(","), gateways: "1" },
    ...(options.dataDir !== undefined && { dataDir: options.dataDir }),
  };
  const loaded = loadPlatformConfig({ file: options.config, env, flags, locale });
  const log = createLogger({ ...loaded.config.log, level: "error" });
  const live = createLiveConfig({ initial: loaded, load: () => loaded, log });
  const { signal } = new AbortController();
  const platform = await startPlatform({ live, env, args: [], locale, log, write: deps.write, signal });
  try {
    return await (options.isClosing ? close : fill)(deps, platform.program, options);
  } finally {
    await platform.stop(AbortSignal.timeout(hurryMs));
  }
}

async function fill(deps: CliDeps, program: Program, options: DemoOptions): Promise<DemoResult> {
  const { tenant: slug, seed, days, calls } = options;
  const words = demoTexts[deps.locale];
  const tenants = program.client(tenant);
  const created = (await tenants.createTenant({ name: words.tenantName, slug, plan: "free" })).tenant;
  const { tenantId, status, createdAt } = created as Tenant;
  // It is activated last: one that is not was cut short, and is made whole.
  if (status !== TenantStatus.PROVISIONING) {
    const { ownerEmail } = await requireOurs(deps, program, slug, tenantId);
    return { state: "there", tenantId, ownerEmail, isOpen: status === TenantStatus.ACTIVE };
  }
  const password = createRandom(systemClock).bytes(passwordBytes).toString("base64url");
  const filled = await fillTenant(
    {
      ...{ user: program.client(user), auth: program.client(auth), group: program.client(group) },
      ...{ billing: program.client(billing), pause: deps.pause },
      onProgress: (booked, all) => deps.complain(`${words.progress(booked, all)}\n`),
    },
    { tenantId, slug, password, seed, days, calls, endMs: createdAt ? timestampMs(createdAt) : systemClock.nowMs() },
  );
  await tenants.activateTenant({ tenantId });
  return { state: "filled", tenantId, password, ...filled };
}

async function close(deps: CliDeps, program: Program, { tenant: slug }: DemoOptions): Promise<DemoResult> {
  const tenants = program.client(tenant);
  const { tenant: found } = await tenants.getTenantBySlug({ slug });
  const { tenantId, status } = found as Tenant;
  await requireOurs(deps, program, slug, tenantId);
  const keys = program.client(auth);
  const known = await keys.listKeys({ tenantId, limit: 200 });
  for (const { keyId, revokedAt } of known.keys) if (!revokedAt) await keys.revokeKey({ tenantId, keyId });
  if (status === TenantStatus.ACTIVE) await tenants.suspendTenant({ tenantId, reason: "The demonstration is over." });
  return { state: "closed", tenantId };
}

/** A tenant without the demonstration's owner is somebody else's. */
async function requireOurs({ locale }: CliDeps, program: Program, slug: string, tenantId: string) {
  const owner = ownerOf(slug);
  const { users } = await program.client(user).listUsers({ tenantId, filter: owner.ownerEmail, pageSize: 1 });
  if (users.some(({ email }) => email === owner.ownerEmail)) return owner;
  throw new CommandError(demoTexts[locale].notOurs(slug));
}
