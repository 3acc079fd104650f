import type { BillingDeps } from "../deps.ts";
import type { UsageRow } from "../store.ts";

export interface ListUsageInput {
  readonly tenantId: string;
  /** 1 to 200. */
  readonly limit: number;
  /** From the page before; undefined for the first. */
  readonly after: { readonly createdAt: string; readonly callId: string } | undefined;
  readonly keyId: string | undefined;
  readonly model: string | undefined;
}

/** A tenant's calls, newest first, and where the next page starts. */
export async function listUsage(
  { store }: BillingDeps,
  input: ListUsageInput,
): Promise<{ rows: readonly UsageRow[]; next: ListUsageInput["after"] }> {
  const rows = await store.listUsage({ ...input, limit: input.limit + 1 });
  const page = rows.slice(0, input.limit);
  const last = page.at(-1);
  const next = rows.length > input.limit && last ? { createdAt: last.position, callId: last.callId } : undefined;
  return { rows: page, next };
}
