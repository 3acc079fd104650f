import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import type {
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
} from "@simplewebauthn/server";

/** What an honest browser and authenticator would not do, each for one answer. */
export interface Mischief {
  readonly origin?: string;
  readonly rpId?: string;
  /** Somebody was there, nobody was verified. */
  readonly isUnverified?: boolean;
  readonly challenge?: string;
  readonly type?: string;
  readonly counter?: number;
  readonly userHandle?: string;
  /** Signs with another key. */
  readonly isForged?: boolean;
  /** Further members of clientDataJSON. */
  readonly clientData?: object;
  readonly attestation?: Buffer;
}

const present = 0x01;
const verified = 0x04;
const attested = 0x40;

/** An authenticator of one ES256 passkey (WebAuthn Level 3), with its browser at `origin`. */
export function createSoftAuthenticator(origin = "http://localhost:8080") {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const credentialId = randomBytes(32);
  const id = credentialId.toString("base64url");
  let counter = 0;
  let userHandle = "";

  const clientDataOf = (type: string, challenge: string, mischief: Mischief) => {
    const { origin: shown = origin, clientData } = mischief;
    const data = {
      type: mischief.type ?? type,
      challenge: mischief.challenge ?? challenge,
      origin: shown,
      crossOrigin: false,
    };
    return Buffer.from(JSON.stringify({ ...data, ...clientData }));
  };
  const authDataOf = (rpId: string, mischief: Mischief, flags: number, rest: Buffer) => {
    counter += 1;
    const head = Buffer.alloc(5);
    head[0] = present | (mischief.isUnverified ? 0 : verified) | flags;
    head.writeUInt32BE(mischief.counter ?? counter, 1);
    return Buffer.concat([
      createHash("sha256")
        .update(mischief.rpId ?? rpId)
        .digest(),
      head,
      rest,
    ]);
  };

  return {
    id,
    /** Answers `navigator.credentials.create`. */
    create(
      options: Pick<PublicKeyCredentialCreationOptionsJSON, "challenge" | "rp" | "user">,
      mischief: Mischief = {},
    ) {
      userHandle = options.user.id;
      const clientData = clientDataOf("webauthn.create", options.challenge, mischief);
      const lengthOfId = Buffer.from([credentialId.length >> 8, credentialId.length & 255]);
      const credential = Buffer.concat([Buffer.alloc(16), lengthOfId, credentialId, toCoseKey(publicKey)]);
      const authData = authDataOf(options.rp.id ?? "", mischief, attested, credential);
      const attestationObject =
        mischief.attestation ??
        toCborMap([
          [toCborText("fmt"), toCborText("none")],
          [toCborText("attStmt"), toCborMap([])],
          [toCborText("authData"), toCborBytes(authData)],
        ]);
      const response = {
        clientDataJSON: clientData.toString("base64url"),
        attestationObject: attestationObject.toString("base64url"),
        transports: ["internal"],
      };
      return { id, rawId: id, type: "public-key" as const, response, clientExtensionResults: {} };
    },
    /** Answers `navigator.credentials.get`. */
    get(options: Pick<PublicKeyCredentialRequestOptionsJSON, "challenge" | "rpId">, mischief: Mischief = {}) {
      const clientData = clientDataOf("webauthn.get", options.challenge, mischief);
      const authData = authDataOf(options.rpId ?? "", mischief, 0, Buffer.alloc(0));
      const signed = Buffer.concat([authData, createHash("sha256").update(clientData).digest()]);
      const key = mischief.isForged ? generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey : privateKey;
      const response = {
        clientDataJSON: clientData.toString("base64url"),
        authenticatorData: authData.toString("base64url"),
        signature: sign("sha256", signed, key).toString("base64url"),
        userHandle: mischief.userHandle ?? userHandle,
      };
      return { id, rawId: id, type: "public-key" as const, response, clientExtensionResults: {} };
    },
  };
}

export type SoftAuthenticator = ReturnType<typeof createSoftAuthenticator>;

/** EC2, ES256, P-256 (RFC 9053). */
function toCoseKey(publicKey: KeyObject): Buffer {
  const { x = "", y = "" } = publicKey.export({ format: "jwk" });
  return toCborMap([
    [Buffer.from([0x01]), Buffer.from([0x02])],
    [Buffer.from([0x03]), Buffer.from([0x26])],
    [Buffer.from([0x20]), Buffer.from([0x01])],
    [Buffer.from([0x21]), toCborBytes(Buffer.from(x, "base64url"))],
    [Buffer.from([0x22]), toCborBytes(Buffer.from(y, "base64url"))],
  ]);
}

/** The little of CBOR (RFC 8949) that an attestation object needs. */
function toCborMap(entries: readonly (readonly [Buffer, Buffer])[]): Buffer {
  return Buffer.concat([Buffer.from([0xa0 | entries.length]), ...entries.flat()]);
}

function toCborText(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x60 | text.length]), Buffer.from(text)]);
}

function toCborBytes(bytes: Buffer): Buffer {
  const { length } = bytes;
  const head = length < 256 ? [0x58, length] : [0x59, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), bytes]);
}
