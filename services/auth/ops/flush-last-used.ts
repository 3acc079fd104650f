import type { AuthDeps } from "../deps.ts";

/** Writes when keys were last used. What a failed write held is lost: the time is for people to look at. */
export async function flushLastUsed({
  db,
  store,
  lastUsed,
}: Pick<AuthDeps, "db" | "store" | "lastUsed">): Promise<void> {
  const usedAtMs = lastUsed.take();
  if (usedAtMs.size > 0) await db.transaction((tx) => store.updateLastUsed(tx, usedAtMs));
}
