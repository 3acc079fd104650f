import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { BillingDeps } from "../deps.ts";
import type { UsageRow } from "../model.ts";

export interface ListUsageInput extends PageRequest {
  readonly tenantId: string;
  readonly keyId?: string | undefined;
  readonly model?: string | undefined;
}

/** A tenant's calls, each attempt by itself, by when they began, newest first. */
export async function listUsage({ store }: BillingDeps, input: ListUsageInput): Promise<Page<UsageRow>> {
  const { tenantId, limit, keyId, model } = input;
  const [startedAt, callId, attempt] = decodeCursor(input.cursor, 3) ?? [];
  const isNext = startedAt !== undefined && callId !== undefined && attempt !== undefined;
  const after = isNext ? { startedAt, callId, attempt } : undefined;
  const rows = await store.listUsage({ tenantId, limit: limit + 1, after, keyId, model });
  return toPage(rows, limit, (row) => [row.position, row.callId, String(row.attempt)]);
}
