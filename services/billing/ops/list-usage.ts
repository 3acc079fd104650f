import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { BillingDeps } from "../deps.ts";
import type { UsageRow } from "../model.ts";

export interface ListUsageInput extends PageRequest {
  readonly tenantId: string;
  readonly keyId?: string | undefined;
  readonly model?: string | undefined;
}

/** A tenant's calls, newest first. */
export async function listUsage({ store }: BillingDeps, input: ListUsageInput): Promise<Page<UsageRow>> {
  const { tenantId, limit, keyId, model } = input;
  const [createdAt, callId] = decodeCursor(input.cursor, 2) ?? [];
  const after = createdAt !== undefined && callId !== undefined ? { createdAt, callId } : undefined;
  const rows = await store.listUsage({ tenantId, limit: limit + 1, after, keyId, model });
  return toPage(rows, limit, (row) => [row.position, row.callId]);
}
