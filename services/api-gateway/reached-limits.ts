import type { Client } from "@connectrpc/connect";
import type { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { createQuietNotes } from "@lyss/kit/resilience/quiet-notes.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Job } from "@lyss/kit/service/define-service.ts";
import type { SharedLimit } from "./key-rules.ts";

/** Hears of each request that was refused by a limit that its caller shares. */
export type OnReached = (
  limit: Pick<SharedLimit, "subject" | "subjectId">,
  of: "requests" | "concurrent",
  by: Pick<Caller, "tenantId" | "userId" | "keyId">,
) => void;

/** Tells auth, which tells whom it concerns: each limit at most once a minute, and never within a request. */
export function createReachedLimits(
  auth: Client<typeof AuthService>,
  clock: Clock,
): { readonly note: OnReached; readonly jobs: readonly Job[] } {
  type Note = Parameters<(typeof auth)["noteLimitReached"]>[0];
  const notes = createQuietNotes<Note>({ clock, quietMs: 60_000, againMs: 5_000 });
  const tell = async (note: Note) => (await auth.noteLimitReached(note)).isTold;

  return {
    note({ subject, subjectId }, of, { tenantId, userId, keyId }) {
      notes.note(subjectId, { tenantId, subject, subjectId, of, userId, keyId });
    },
    jobs: [{ name: "tell-reached-limits", everyMs: 1_000, run: () => notes.publish(tell) }],
  };
}
