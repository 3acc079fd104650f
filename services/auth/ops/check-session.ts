import type { AuthDeps } from "../deps.ts";
import { judgeSession, type SessionVerdict } from "../session-model.ts";

/** What a session may do now. Unknown, ended and barred are one answer, not an error. Notes the use. */
export async function checkSession(
  { sessions, clock, lastSeen }: Pick<AuthDeps, "sessions" | "clock" | "lastSeen">,
  { sessionId }: { readonly sessionId: string },
): Promise<SessionVerdict> {
  const verdict = judgeSession(await sessions.findLiveSession(sessionId), clock.nowMs());
  if (verdict.isActive) lastSeen.note(sessionId);
  return verdict;
}
