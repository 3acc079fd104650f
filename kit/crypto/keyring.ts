import { createHmac } from "node:crypto";
import type { Random } from "../service/ids.ts";
import { seal, unseal } from "./seal.ts";

/** A data key as it is stored: opened only by the key-encryption key of that name. */
export interface WrappedKey {
  readonly wrappingKeyId: string;
  readonly wrapped: Buffer;
}

/** Keeper of the key-encryption keys. They never leave it. */
export interface Keyring {
  wrap(key: Buffer, context: string): Promise<WrappedKey>;
  /** The key, or undefined when it was wrapped for another context, by another key, or was altered. */
  unwrap(key: WrappedKey, context: string): Promise<Buffer | undefined>;
}

/** A keyring of one 32-byte key that this process holds. */
export function createLocalKeyring(key: Buffer, random: Random): Keyring {
  const wrappingKeyId = `local-${createHmac("sha256", key).update("name").digest("hex").slice(0, 16)}`;
  return {
    wrap: async (dataKey, context) => ({ wrappingKeyId, wrapped: seal(random, key, dataKey, context) }),
    unwrap: async (dataKey, context) =>
      dataKey.wrappingKeyId === wrappingKeyId ? unseal(key, dataKey.wrapped, context) : undefined,
  };
}
