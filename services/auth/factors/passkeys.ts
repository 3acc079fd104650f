import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Random } from "@lyss/kit/service/ids.ts";
import { type Assertion, type Passkey, passkeyChallengeTtlMs, type Registration } from "./factor-model.ts";

/** What a challenge is for, and whose it is: an answer to one counts nowhere else. */
export interface ChallengeScope {
  readonly purpose: "register" | "sign_in" | "second_factor" | "step_up";
  /** The person, the session or the sign-in; empty where nobody is known yet. */
  readonly subject: string;
}

/** A challenge that was answered, as it is remembered so that nobody answers it again. */
export interface AnsweredChallenge {
  readonly challengeHash: Buffer;
  readonly expiresAt: Date;
}

/** Takes a fifth of a second to load, and most processes start more often than somebody uses a passkey there. */
const loadWebAuthn = () => import("@simplewebauthn/server");

/** ES256, EdDSA and RS256 (COSE). */
const algorithms = [-7, -8, -257];

export interface PasskeyAreaOptions {
  /** The domain that passkeys are for (WebAuthn: RP ID), and where the pages that ask for them may come from. */
  place(): { readonly rpId: string; readonly origins: readonly string[] };
  readonly rpName: string;
  /** Signs challenges. */
  readonly challengeKey: Buffer;
  readonly random: Random;
}

/**
 * Passkeys (WebAuthn Level 3) of one domain. A challenge is random, signed, tied to what it is for and good for five
 * minutes; whoever answers one remembers it with `AnsweredChallenge`. No certificate of a maker is read, so nothing is fetched.
 */
export function createPasskeyArea(options: PasskeyAreaOptions) {
  const { place, rpName, challengeKey, random } = options;
  const expected = () => {
    const { rpId, origins } = place();
    return { expectedOrigin: [...origins], expectedRPID: rpId, requireUserVerification: true };
  };

  function sign(body: Buffer, { purpose, subject }: ChallengeScope): Buffer {
    return createHmac("sha256", challengeKey).update(body).update(`${purpose}\0${subject}`).digest();
  }

  function createChallenge(scope: ChallengeScope, nowMs: number): Buffer {
    const expiry = Buffer.alloc(8);
    expiry.writeBigUInt64BE(BigInt(nowMs + passkeyChallengeTtlMs));
    const body = Buffer.concat([random.bytes(16), expiry]);
    return Buffer.concat([body, sign(body, scope)]);
  }

  /** The challenge that an answer names, if it is one of ours for that and has not expired. */
  function openChallenge(clientDataJson: string, scope: ChallengeScope, nowMs: number) {
    const challenge = readChallenge(clientDataJson);
    const bytes = Buffer.from(challenge ?? "", "base64url");
    if (challenge === undefined || bytes.length !== 56) return undefined;
    const body = bytes.subarray(0, 24);
    const expiresAtMs = Number(body.readBigUInt64BE(16));
    if (!timingSafeEqual(bytes.subarray(24), sign(body, scope)) || expiresAtMs <= nowMs) return undefined;
    const challengeHash = createHash("sha256").update(bytes).digest();
    return { challenge, answered: { challengeHash, expiresAt: new Date(expiresAtMs) } };
  }

  return {
    /** What `navigator.credentials.create` needs for a person who has these passkeys already. */
    async registrationOptions(input: {
      readonly userId: string;
      readonly accountName: string;
      readonly known: readonly Passkey[];
      readonly nowMs: number;
    }) {
      const { userId, accountName, known, nowMs } = input;
      const { generateRegistrationOptions } = await loadWebAuthn();
      return generateRegistrationOptions({
        rpName,
        rpID: place().rpId,
        userName: accountName,
        userDisplayName: accountName,
        userID: toBytes(Buffer.from(userId)),
        challenge: toBytes(createChallenge({ purpose: "register", subject: userId }, nowMs)),
        timeout: passkeyChallengeTtlMs,
        attestationType: "none",
        excludeCredentials: known.map(toDescriptor),
        // Discoverable, so that it signs in without a name; verified, so that whoever finds the device has not enough.
        authenticatorSelection: { residentKey: "required", userVerification: "required" },
        supportedAlgorithmIDs: algorithms,
      });
    },

    /** What a new passkey is, or undefined for an answer that proves nothing. */
    async readRegistration(userId: string, response: Registration, nowMs: number) {
      const scope: ChallengeScope = { purpose: "register", subject: userId };
      const opened = openChallenge(response.response.clientDataJSON, scope, nowMs);
      if (!opened || !(await isWithoutCertificates(response.response.attestationObject))) return undefined;
      const asked = { ...expected(), expectedChallenge: opened.challenge, supportedAlgorithmIDs: algorithms };
      const { id, rawId, type } = response;
      const { clientDataJSON, attestationObject } = response.response;
      const shown = { id, rawId, type, response: { clientDataJSON, attestationObject }, clientExtensionResults: {} };
      const { verifyRegistrationResponse } = await loadWebAuthn();
      const result = await verifyRegistrationResponse({ response: shown, ...asked }).catch(() => undefined);
      if (!result?.verified) return undefined;
      const { credential, credentialBackedUp } = result.registrationInfo;
      return {
        credentialId: credential.id,
        publicKey: Buffer.from(credential.publicKey),
        counter: credential.counter,
        transports: response.response.transports ?? [],
        isSynced: credentialBackedUp,
        answered: opened.answered,
      };
    },

    /** What `navigator.credentials.get` needs. Without passkeys, the person chooses among those they have here. */
    async assertionOptions(scope: ChallengeScope, known: readonly Passkey[], nowMs: number) {
      const { generateAuthenticationOptions } = await loadWebAuthn();
      return generateAuthenticationOptions({
        rpID: place().rpId,
        challenge: toBytes(createChallenge(scope, nowMs)),
        timeout: passkeyChallengeTtlMs,
        userVerification: "required",
        allowCredentials: known.map(toDescriptor),
      });
    },

    /**
     * Whether an answer proves that the passkey was used for that, just now, by somebody it has verified; what to remember
     * then. Undefined otherwise, also where the passkey has counted further: a copy of it is in use.
     */
    async readAssertion(scope: ChallengeScope, passkey: Passkey, response: Assertion, nowMs: number) {
      const opened = openChallenge(response.response.clientDataJSON, scope, nowMs);
      const { userHandle } = response.response;
      if (!opened || response.id !== passkey.credentialId) return undefined;
      if (userHandle && Buffer.from(userHandle, "base64url").toString() !== passkey.userId) return undefined;
      const { id, rawId, type } = response;
      const { clientDataJSON, authenticatorData, signature } = response.response;
      const answer = { clientDataJSON, authenticatorData, signature };
      const { verifyAuthenticationResponse } = await loadWebAuthn();
      const result = await verifyAuthenticationResponse({
        ...expected(),
        response: { id, rawId, type, response: answer, clientExtensionResults: {} },
        expectedChallenge: opened.challenge,
        credential: {
          id: passkey.credentialId,
          publicKey: toBytes(passkey.publicKey),
          counter: passkey.counter,
        },
      }).catch(() => undefined);
      if (!result?.verified) return undefined;
      const { newCounter, credentialBackedUp } = result.authenticationInfo;
      return { counter: newCounter, isSynced: credentialBackedUp, answered: opened.answered };
    },
  };
}

export type PasskeyArea = ReturnType<typeof createPasskeyArea>;

function toDescriptor({ credentialId, transports }: Passkey) {
  return { id: credentialId, transports: [...transports] };
}

/** As the library wants bytes: never a view of a pool. */
function toBytes(buffer: Buffer): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(buffer);
}

function readChallenge(clientDataJson: string): string | undefined {
  try {
    const { challenge, crossOrigin, topOrigin } = JSON.parse(Buffer.from(clientDataJson, "base64url").toString());
    // Not in a frame of another site: whoever uses the passkey cannot see whose question it is.
    return typeof challenge === "string" && !crossOrigin && topOrigin === undefined ? challenge : undefined;
  } catch {
    return undefined;
  }
}

/** True for what a browser sends when no attestation is asked for: none, or the passkey's own signature. */
async function isWithoutCertificates(attestationObject: string): Promise<boolean> {
  const { decodeAttestationObject } = await import("@simplewebauthn/server/helpers");
  try {
    const decoded = decodeAttestationObject(toBytes(Buffer.from(attestationObject, "base64url")));
    const format = decoded.get("fmt");
    return format === "none" || (format === "packed" && decoded.get("attStmt").get("x5c") === undefined);
  } catch {
    return false;
  }
}
