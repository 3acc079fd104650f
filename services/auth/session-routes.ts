import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { withAlias } from "@lyss/kit/http/alias.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { type Caller, permits } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { manageSessionsPermission } from "./model.ts";
import type { AuthOps } from "./ops.ts";
import type { Session } from "./session-model.ts";

const { json } = routesFor<AuthOps>();

const time = z.iso.datetime();

const session = z.strictObject({
  object: z.literal("session"),
  id: z.string(),
  user_id: z.string(),
  methods: z.array(z.string()).describe("How the person was recognised (RFC 8176)."),
  client_address: z.string().describe("From where the person signed in."),
  user_agent: z.string(),
  created_at: time,
  last_seen_at: time.describe("Up to a minute old."),
  factor_at: time.nullable().describe("When a second factor was last shown."),
  expires_at: time,
  operator_id: z.string().nullable().describe("The operator who acts in the person's name."),
  reason: z.string().nullable().describe("Why, as that operator has said."),
  current: z.boolean().describe("Whether it is the one of this request."),
});

const whose = z.string().min(1).max(64).optional().describe("Another person of the tenant, with session:manage.");
const ended = z.strictObject({ ended: z.int().describe("How many were ended now.") });

/** What people do with their sessions. Each stands under `/api/v1` and under `/v1`. */
export const sessionRoutes = withAlias(
  [
    json({
      method: "GET",
      path: "/api/v1/auth/sessions",
      permission: "session:read",
      operation: "listSessions",
      summary: "Where a person is signed in, newest first: oneself, with session:manage others of the tenant.",
      query: z.strictObject({ ...pageQueryFields, user_id: whose }),
      response: pageOf(session),
      async handle(ops, request) {
        const { user_id, ...page } = request.query;
        const caller = requireCaller(request);
        return toPageBody(await ops.listSessions({ ...ownerOf(caller, user_id), ...page }), (row) =>
          toBody(row, caller),
        );
      },
    }),
    json({
      method: "DELETE",
      path: "/api/v1/auth/sessions",
      permission: "session:delete",
      operation: "endSessions",
      summary: "Signs a person out everywhere, or everywhere else.",
      query: z.strictObject({
        user_id: whose,
        keep_current: z.stringbool().default(false).describe("Whether the session of this request goes on."),
      }),
      response: ended,
      async handle(ops, request) {
        const caller = requireCaller(request);
        const { user_id, keep_current } = request.query;
        const exceptSessionId = keep_current ? caller.sessionId || undefined : undefined;
        const selection = { ...ownerOf(caller, user_id), sessionId: undefined, exceptSessionId };
        return ops.endSessions({ ...selection, ...endingBy(caller, request.clientAddress) });
      },
    }),
    json({
      method: "DELETE",
      path: "/api/v1/auth/sessions/{id}",
      permission: "session:delete",
      operation: "endSession",
      summary: "Ends a session on every node; 'current' is the one of this request.",
      params: z.strictObject({ id: z.string().max(64) }),
      query: z.strictObject({ user_id: whose }),
      response: ended,
      failures: [authFailures.session_not_found],
      async handle(ops, request) {
        const caller = requireCaller(request);
        const { id } = request.params;
        const sessionId = id === "current" ? caller.sessionId : id;
        const selection = { ...ownerOf(caller, request.query.user_id), sessionId, exceptSessionId: undefined };
        const answer = await ops.endSessions({ ...selection, ...endingBy(caller, request.clientAddress) });
        if (answer.ended === 0) throw new Failure(authFailures.session_not_found);
        return answer;
      },
    }),
    json({
      method: "POST",
      path: "/api/v1/auth/logout",
      permission: "caller",
      operation: "signOut",
      impersonation: "allowed",
      summary: "Ends the session of this request. An API key has none, and nothing happens.",
      response: z.undefined(),
      successStatus: 204,
      async handle(ops, request) {
        const { tenantId, userId, sessionId } = requireCaller(request);
        if (sessionId === "") return undefined;
        const ending = { reason: "signed_out", actorId: userId, clientAddress: request.clientAddress } as const;
        await ops.endSessions({ tenantId, userId, sessionId, exceptSessionId: undefined, ...ending });
        return undefined;
      },
    }),
  ],
  "/api/v1",
  "/v1",
);

/** Whose sessions are meant. Throws `kit.permission_denied` for another person's without the right to them. */
function ownerOf({ tenantId, userId, permissions }: Caller, other: string | undefined) {
  if (other !== undefined && other !== "me" && other !== userId && !permits(permissions, manageSessionsPermission)) {
    throw new Failure(kitFailures.permission_denied, { permission: manageSessionsPermission });
  }
  return { tenantId, userId: other === undefined || other === "me" ? userId : other };
}

function endingBy({ userId }: Caller, clientAddress: string) {
  return { reason: "revoked", actorId: userId, clientAddress } as const;
}

function toBody(row: Session, caller: Caller): z.input<typeof session> {
  return {
    object: "session",
    id: row.sessionId,
    user_id: row.userId,
    methods: [...row.methods],
    client_address: row.clientAddress,
    user_agent: row.userAgent,
    created_at: row.createdAt.toISOString(),
    last_seen_at: row.lastSeenAt.toISOString(),
    factor_at: row.factorAt?.toISOString() ?? null,
    expires_at: row.expiresAt.toISOString(),
    operator_id: row.operatorId,
    reason: row.operatorId === null ? null : row.reason,
    current: row.sessionId === caller.sessionId,
  };
}
