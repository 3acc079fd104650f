import { createHash, timingSafeEqual } from "node:crypto";
import type { Secret } from "../config/secret.ts";

/**
 * Tells whether an `authorization` header carries the token that the processes of one installation share. Takes the
 * same time for every wrong token.
 */
export function createPeerTokenCheck(token: Secret): (authorization: string | undefined) => boolean {
  const wanted = digest(`Bearer ${token.reveal()}`);
  return (authorization) => timingSafeEqual(digest(authorization ?? ""), wanted);
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
