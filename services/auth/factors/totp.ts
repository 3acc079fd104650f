import type { Random } from "@lyss/kit/service/ids.ts";
import { generateURI, ScureBase32Plugin, verifySync } from "otplib";

const base32 = new ScureBase32Plugin();
const secretBytes = 20;
/** What every authenticator app understands, and the only thing that is accepted. */
const parameters = { algorithm: "sha1", digits: 6, period: 30 } as const;

/** A new secret of 160 bits in base32, as RFC 4226 recommends. */
export function createTotpSecret(random: Random): string {
  return base32.encode(random.bytes(secretBytes), { padding: false });
}

/** What an authenticator app reads from a QR code. */
export function toTotpUri(secret: string, issuer: string, accountName: string): string {
  return generateURI({ strategy: "totp", secret, issuer, label: accountName, ...parameters });
}

/**
 * The time step (RFC 6238) that a code of six digits belongs to: this one, the one before or the one after; undefined for
 * every other code.
 */
export function findTotpStep(secret: string, code: string, nowMs: number): number | undefined {
  const epoch = Math.floor(nowMs / 1_000);
  const result = verifySync({
    strategy: "totp",
    secret,
    token: code,
    epoch,
    epochTolerance: parameters.period,
    ...parameters,
  });
  return result.valid && "timeStep" in result ? result.timeStep : undefined;
}
