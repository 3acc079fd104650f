import { createHash } from "node:crypto";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import { z } from "zod";

/** How long what a mail holds is good for. */
export const tokenLifeMs = {
  verify_email: 86_400_000,
  change_email: 3_600_000,
  reset_password: 3_600_000,
} as const;

export const registrationLifeMs = 86_400_000;

/** As mails hold one: 32 random bytes. Any other text of that length is unknown. */
export const tokenField = z.string().min(16).max(128).describe("From the mail; good once.");

/** A token, and what is kept of it. 256 random bits need no slow hash. */
export function drawToken(random: Random): { readonly token: string; readonly tokenHash: Buffer } {
  const token = random.bytes(32).toString("base64url");
  return { token, tokenHash: hashToken(token) };
}

export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** For a token that is unknown, used or expired: which of these it is, nobody is told. */
export function tokenInvalid(): Failure {
  return new Failure(userFailures.token_invalid);
}
