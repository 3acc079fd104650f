import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Secret } from "../config/secret.ts";
import type { Clock } from "../service/clock.ts";

/** Who shows a token: a process of the installation, or a person by hand. */
export type TokenHolder = "peer" | "operator";

export const maxOperatorTokenMs = 3_600_000;
const operatorPattern = /^Bearer (op_([0-9a-z]{1,11})_[\w-]{43})$/;

/**
 * Tells who shows an `authorization` header: the token that the processes of one installation share, or an operator's that
 * has not expired; undefined for anything else. Takes the same time for every wrong token.
 */
export function createPeerTokenCheck(
  token: Secret,
  clock: Clock,
): (authorization: string | undefined) => TokenHolder | undefined {
  const wanted = digest(`Bearer ${token.reveal()}`);
  return (authorization = "") => {
    if (timingSafeEqual(digest(authorization), wanted)) return "peer";
    const [, shown, expiry] = operatorPattern.exec(authorization) ?? [];
    if (shown === undefined || expiry === undefined) return undefined;
    const expiresAtMs = Number.parseInt(expiry, 36);
    if (!timingSafeEqual(digest(shown), digest(sign(token, expiresAtMs)))) return undefined;
    return clock.nowMs() < expiresAtMs ? "operator" : undefined;
  };
}

/**
 * A token with which a person calls services by hand, until `ttlMs` from now (at most an hour). It can be taken for no
 * process: what its holder says about other services and callers is not believed. Throws a RangeError for a longer one.
 */
export function createOperatorToken(token: Secret, ttlMs: number, clock: Clock): string {
  if (!(ttlMs > 0 && ttlMs <= maxOperatorTokenMs))
    throw new RangeError(`a token lives at most ${maxOperatorTokenMs} ms`);
  return sign(token, clock.nowMs() + Math.ceil(ttlMs));
}

function sign(token: Secret, expiresAtMs: number): string {
  const expiry = expiresAtMs.toString(36);
  const mac = createHmac("sha256", token.reveal()).update(`operator.${expiry}`);
  return `op_${expiry}_${mac.digest("base64url")}`;
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
