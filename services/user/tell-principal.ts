import type { UserDeps } from "./deps.ts";
import type { User } from "./model.ts";

/**
 * Tells auth at once what a person may do from now on: it holds on every node as soon as this resolves. Where auth is away, it
 * hears of it by the event that was written with the change. Never rejects.
 */
export async function tellPrincipal(
  { auth, log }: Pick<UserDeps, "auth" | "log">,
  { userId, tenantId, role, status, version }: Pick<User, "userId" | "tenantId" | "role" | "status" | "version">,
): Promise<void> {
  try {
    await auth.setPrincipal({ userId, tenantId, role, isBarred: status !== "active", version: BigInt(version) });
  } catch (err) {
    log.warn({ err, user_id: userId }, "auth was not told of a change at once; it hears of it by the event");
  }
}
