import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { refuseField } from "../call/refuse-field.ts";
import type { SessionOwner } from "./mcp-sessions.ts";
import { sessionHeader } from "./protocol.ts";

const sessionPattern = /^mcps_[0-9a-z]{26}$/;

/** A session of ours that a client names. */
export function sessionOf({ headers }: IncomingMessage): string | undefined {
  const session = String(headers[sessionHeader]);
  return sessionPattern.test(session) ? session : undefined;
}

/** Throws `invalid_request` where there is none. */
export function requireSession(req: IncomingMessage): string {
  const session = sessionOf(req);
  if (session !== undefined) return session;
  throw refuseField(sessionHeader, "must be as the answer to initialize had it", "必须与 initialize 的响应一致");
}

/** Whose a session is, for rows: says nothing of the person, and is of one length. */
export function digestOf({ tenantId, userId, keyId }: SessionOwner): string {
  return createHash("sha256")
    .update(JSON.stringify([tenantId, userId, keyId]))
    .digest("base64url");
}
