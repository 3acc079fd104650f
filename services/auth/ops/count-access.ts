import type { AuthDeps } from "../deps.ts";

/** How many sessions are open and how many keys are good now, of all tenants. */
export async function countAccess({
  store,
  sessions,
  clock,
}: Pick<AuthDeps, "store" | "sessions" | "clock">): Promise<{ readonly sessions: number; readonly keys: number }> {
  const now = new Date(clock.nowMs());
  const [open, keys] = await Promise.all([sessions.countOpen(now), store.countActiveKeys(now)]);
  return { sessions: open, keys };
}
