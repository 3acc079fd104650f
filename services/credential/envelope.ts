import { Secret } from "@lyss/kit/config/secret.ts";
import { seal, unseal } from "@lyss/kit/crypto/seal.ts";
import type { Random } from "@lyss/kit/service/ids.ts";

const format = 1;

/** A key that seals one tenant's secrets. */
export interface DataKey {
  readonly dataKeyId: string;
  readonly bytes: Buffer;
}

/** Seals a secret: format byte, length and name of the data key, then what `kit/crypto/seal.ts` writes. */
export function sealEnvelope(random: Random, dataKey: DataKey, secret: Secret, binding: string): Buffer {
  const keyId = Buffer.from(dataKey.dataKeyId);
  const header = Buffer.concat([Buffer.of(format, keyId.length), keyId]);
  const plaintext = Buffer.from(secret.reveal());
  return Buffer.concat([header, seal(random, dataKey.bytes, plaintext, associatedData(header, binding))]);
}

/** Which data key opens the envelope; undefined when it is not an envelope. */
export function dataKeyIdOf(envelope: Buffer): string | undefined {
  if (envelope[0] !== format) return undefined;
  return envelope.subarray(2, 2 + (envelope[1] ?? 0)).toString();
}

/** The secret, or undefined when a bit of the envelope, the key or the binding is not that of the sealing. */
export function openEnvelope(dataKey: DataKey, envelope: Buffer, binding: string): Secret | undefined {
  const headerBytes = 2 + (envelope[1] ?? 0);
  const header = envelope.subarray(0, headerBytes);
  const plaintext = unseal(dataKey.bytes, envelope.subarray(headerBytes), associatedData(header, binding));
  return plaintext && new Secret(plaintext.toString());
}

function associatedData(header: Buffer, binding: string): string {
  return `${header.toString("base64")}|${binding}`;
}
