import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { beforeRevisionOf } from "@lyss/kit/event-sourcing/envelope.ts";
import type { LoggedEvent } from "@lyss/kit/events/event-reader.ts";
import { readStreamBackwards } from "@lyss/kit/events/stream-reader.ts";
import { type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import { auditStreamOf } from "../audit-log.ts";
import type { UserDeps } from "../deps.ts";
import { readAuditPermission } from "../model.ts";
import { getUser } from "./get-user.ts";

/** Whose log, and who wants to read it. */
export interface AuditReference {
  readonly userId: string;
  /** When given, a person of another tenant is not found. */
  readonly tenantId: string | undefined;
  /** Undefined for a service, which asks on nobody's behalf. */
  readonly reader: { readonly userId: string; readonly permissions: readonly string[] } | undefined;
}

export interface ListUserAuditInput extends AuditReference, PageRequest {
  /** All when undefined. */
  readonly eventTypes: readonly string[] | undefined;
  readonly fromMs: number | undefined;
  readonly beforeMs: number | undefined;
}

/**
 * A person's audit log, newest first, as it lies in the event log. People read their own, and with `user:audit` that of
 * everybody in the tenant. Throws `not_found` and `kit.permission_denied`.
 */
export async function listUserAudit(
  { db, store }: Pick<UserDeps, "db" | "store">,
  { limit, cursor, eventTypes: types, fromMs, beforeMs, ...reference }: ListUserAuditInput,
): Promise<Page<LoggedEvent>> {
  const beforeRevision = beforeRevisionOf(cursor);
  const { userId } = await requireReadable({ store }, reference);
  const filter = { beforeRevision, types, fromMs, beforeMs };
  const rows = await readStreamBackwards(db.sql, auditStreamOf(userId), filter, limit + 1);
  return toPage(rows, limit, ({ revision }) => [String(revision)]);
}

/** The person whose log may be read, who may have left. Throws `not_found` and `kit.permission_denied`. */
export async function requireReadable(
  { store }: Pick<UserDeps, "store">,
  { userId, tenantId, reader }: AuditReference,
): Promise<{ readonly userId: string }> {
  if (!(await store.hasDeparted(userId, tenantId))) await getUser({ store }, { userId, tenantId });
  if (reader && reader.userId !== userId && !permits(reader.permissions, readAuditPermission)) {
    throw new Failure(kitFailures.permission_denied, { permission: readAuditPermission });
  }
  return { userId };
}
