import type { AuthDeps } from "../deps.ts";

/** Writes when sessions were last seen. What a failed write held is lost: the time is for people to look at. */
export async function flushLastSeen({
  db,
  sessions,
  lastSeen,
}: Pick<AuthDeps, "db" | "sessions" | "lastSeen">): Promise<void> {
  const seenAtMs = lastSeen.take();
  if (seenAtMs.size > 0) await db.transaction((tx) => sessions.updateLastSeen(tx, seenAtMs));
}
