import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { AuthDeps } from "../deps.ts";
import type { Session } from "../session-model.ts";

export interface ListSessionsInput extends PageRequest {
  readonly tenantId: string;
  readonly userId: string;
}

/** A person's open sessions, newest first. */
export async function listSessions(
  { sessions, clock }: Pick<AuthDeps, "sessions" | "clock">,
  { tenantId, userId, limit, cursor }: ListSessionsInput,
): Promise<Page<Session>> {
  const [afterId] = decodeCursor(cursor, 1) ?? [];
  const now = new Date(clock.nowMs());
  const rows = await sessions.listOpen({ tenantId, userId, afterId, limit: limit + 1, now });
  return toPage(rows, limit, ({ sessionId }) => [sessionId]);
}
