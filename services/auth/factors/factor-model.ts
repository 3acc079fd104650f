import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";

export type FactorId = `fac_${string}`;

/** `totp` is an app that shows one-time codes (RFC 6238), `passkey` a WebAuthn credential. */
export type FactorKind = "totp" | "passkey";

/** Something a person has, besides a password. */
export interface Factor {
  readonly factorId: FactorId;
  readonly tenantId: string;
  readonly userId: string;
  readonly kind: FactorKind;
  readonly name: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  /** A passkey that its maker keeps on several devices. */
  readonly isSynced: boolean;
}

export interface TotpFactor extends Factor {
  readonly kind: "totp";
  readonly sealedSecret: Buffer;
  /** The time step of the last code that was accepted; 0 for none. None up to it is accepted again. */
  readonly lastStep: number;
}

export interface Passkey extends Factor {
  readonly kind: "passkey";
  /** base64url. */
  readonly credentialId: string;
  /** COSE_Key (RFC 9052). */
  readonly publicKey: Buffer;
  /** As the authenticator last counted; 0 for one that does not count. */
  readonly counter: number;
  readonly transports: readonly string[];
}

/** Whose factors. */
export interface Holder {
  readonly tenantId: string;
  readonly userId: string;
}

/** Who does something to their own factors, and from where. */
export interface Actor extends Holder {
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/** Somebody signed in, at one of their sessions. */
export interface SessionActor extends Actor {
  /** Empty for an API key, which proves nothing of a person. */
  readonly sessionId: string;
}

/** Somebody who changes their own factors. */
export interface FactorChange extends SessionActor {
  /** Whether the person's other sessions, which know nothing of the change, are to end. */
  readonly endOtherSessions: boolean;
}

/** A person may have this many. Two apps, so that a new telephone can be set up while the old one is there. */
export const maxFactors = { totp: 2, passkey: 20 } as const;

/** How long an enrolment may wait for its first code. */
export const enrolmentTtlMs = 900_000;

/** How long a passkey may take to answer. */
export const passkeyChallengeTtlMs = 300_000;

const base64url = (maxLength: number) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .regex(/^[A-Za-z0-9_-]+$/, inBothLanguages("must be base64url without padding", "必须是不含填充的 base64url"));

/** What browsers add and nobody here reads. */
const ignored = {
  authenticatorAttachment: z.string().max(32).nullish(),
  clientExtensionResults: z.looseObject({}).optional(),
};
const credentialFields = { id: base64url(1_400), rawId: base64url(1_400), type: z.literal("public-key"), ...ignored };

/** Bounds of what callers may enter. */
export const factorFields = {
  name: z.string().trim().min(1).max(100),
  /** How an app lists the account. */
  accountName: z.string().trim().min(1).max(254),
  totpCode: z
    .string()
    .max(40)
    .meta({ examples: ["123456"] })
    .transform((text) => text.replaceAll(/\s/g, ""))
    .pipe(z.string().regex(/^\d{6}$/, inBothLanguages("must be six digits", "必须是 6 位数字"))),
  recoveryCode: z
    .string()
    .max(40)
    .meta({ examples: ["4kt8n-q0xwz"] })
    .transform((text) => text.replaceAll(/[\s-]/g, "").toLowerCase())
    .pipe(
      z.string().regex(/^[0-9a-z]{10}$/, inBothLanguages("must be ten letters and digits", "必须是 10 位字母或数字")),
    ),
  /** Either of the two, as a person types it where only a code can be shown. */
  shownCode: z
    .string()
    .max(40)
    .transform((text) => text.replaceAll(/[\s-]/g, "").toLowerCase())
    .pipe(
      z
        .string()
        .regex(
          /^(?:\d{6}|[0-9a-z]{10})$/,
          inBothLanguages(
            "must be six digits, or a recovery code of ten letters and digits",
            "必须是 6 位数字，或由 10 位字母和数字组成的恢复码",
          ),
        ),
    ),
  /** `PublicKeyCredential.toJSON()` after `navigator.credentials.create` (WebAuthn Level 3, RegistrationResponseJSON). */
  registration: z.strictObject({
    ...credentialFields,
    response: z.strictObject({
      clientDataJSON: base64url(4_096),
      attestationObject: base64url(16_384),
      authenticatorData: base64url(8_192).optional(),
      transports: z.array(z.string().min(1).max(32)).max(10).optional(),
      publicKey: base64url(4_096).optional(),
      publicKeyAlgorithm: z.int().optional(),
    }),
  }),
  /** `PublicKeyCredential.toJSON()` after `navigator.credentials.get` (WebAuthn Level 3, AuthenticationResponseJSON). */
  assertion: z.strictObject({
    ...credentialFields,
    response: z.strictObject({
      clientDataJSON: base64url(4_096),
      authenticatorData: base64url(4_096),
      signature: base64url(2_048),
      userHandle: base64url(100).nullish(),
      attestationObject: base64url(16_384).optional(),
    }),
  }),
};

export type Registration = z.output<typeof factorFields.registration>;
export type Assertion = z.output<typeof factorFields.assertion>;

/** What a person shows to prove that they hold a factor. */
export type Proof =
  | { readonly method: "totp"; readonly code: string }
  | { readonly method: "recovery_code"; readonly code: string }
  | { readonly method: "passkey"; readonly response: Assertion };
