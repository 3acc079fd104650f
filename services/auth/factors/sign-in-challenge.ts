import { createHmac } from "node:crypto";
import { Secret } from "@lyss/kit/config/secret.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import { generateSecret, isSecret } from "../key-secret.ts";
import type { SessionId } from "../session-model.ts";
import type { SessionTokens } from "../session-tokens.ts";

/** A sign-in that waits for a second factor. */
export interface SignInChallenge {
  readonly tokenHash: Buffer;
  readonly tenantId: string;
  readonly userId: string;
  readonly role: string;
  /** How the person was recognised so far (RFC 8176). */
  readonly methods: readonly string[];
  readonly clientAddress: string;
  readonly userAgent: string;
  readonly expiresAt: Date;
  /** Of the session that may follow; null for its own end. */
  readonly notAfter: Date | null;
  /** Which that will be. Empty in rows from before it was known. */
  readonly sessionId: SessionId | "";
}

/** What a person may show where a second factor is asked for. */
export type ShownFactor = "totp" | "passkey" | "recovery_code";

/** There is no session yet: the person has to show one of `factors`, together with the token. */
export interface FactorRequired {
  readonly challengeToken: Secret;
  readonly expiresInSeconds: number;
  readonly factors: readonly ShownFactor[];
  /** The session that there will be. */
  readonly sessionId: SessionId;
}

/** What somebody who has proven something gets. */
export type Started =
  | { readonly kind: "tokens"; readonly tokens: SessionTokens }
  | { readonly kind: "factor_required"; readonly required: FactorRequired; readonly sessionEndsAt: Date };

export const signInChallengeTtlMs = 300_000;

/** Proofs that one sign-in may try. */
export const maxChallengeAttempts = 5;

/** Sign-ins of one person that may wait at a time; the oldest goes for a new one. */
export const maxOpenChallenges = 20;

const prefix = "lyc_";

export function generateChallengeToken(random: Random): Secret {
  return new Secret(generateSecret(random, prefix));
}

/** What is stored and looked up instead of a token; undefined for what cannot be one. */
export function hashChallengeToken(key: Buffer, token: Secret): Buffer | undefined {
  const text = token.reveal();
  return isSecret(text, prefix) ? createHmac("sha256", key).update(text).digest() : undefined;
}
