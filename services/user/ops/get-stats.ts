import type { SumUsageResponse } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { UserDeps } from "../deps.ts";
import type { UserStatus } from "../model.ts";

/** How much of everything there is, in all tenants together. */
export interface Stats {
  readonly tenants: { readonly provisioning: number; readonly active: number; readonly suspended: number };
  readonly people: Readonly<Record<UserStatus, number>>;
  /** Open ones. */
  readonly sessions: number;
  /** Neither revoked nor expired. */
  readonly keys: number;
  /** What was used in the day and the month (UTC) that it is. */
  readonly usage: Pick<SumUsageResponse, "today" | "month">;
}

/** Counts, for those who operate the installation. Calls show up a moment after they are settled. */
export async function getStats({
  people,
  auth,
  tenants,
  billing,
}: Pick<UserDeps, "people" | "auth" | "tenants" | "billing">): Promise<Stats> {
  const [counts, access, organisations, usage] = await Promise.all([
    people.countByStatus(),
    auth.countAccess({}),
    tenants.countTenants({}),
    billing.sumUsage({}),
  ]);
  const countOf = (status: UserStatus) => counts.find((row) => row.status === status)?.people ?? 0;
  const { provisioning, active, suspended } = organisations;
  return {
    tenants: { provisioning: Number(provisioning), active: Number(active), suspended: Number(suspended) },
    people: { active: countOf("active"), inactive: countOf("inactive"), suspended: countOf("suspended") },
    ...{ sessions: Number(access.sessions), keys: Number(access.keys), usage },
  };
}
