import { createHmac } from "node:crypto";
import type { Random } from "@lyss/kit/service/ids.ts";

/** Codes that were made together. */
export interface CodeBatch {
  readonly batchId: string;
  readonly name: string;
  readonly currency: string;
  /** What each redemption is worth. */
  readonly amountNanos: bigint;
  readonly codeCount: number;
  /** How often each code may be redeemed, by different tenants. */
  readonly maxUses: number;
  /** True when a tenant may redeem one code of the batch only. */
  readonly isOncePerTenant: boolean;
  readonly expiresAt: Date | null;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly disabledAt: Date | null;
}

/** A batch and how often its codes were redeemed. */
export interface CodeBatchUse extends CodeBatch {
  readonly redemptions: number;
}

/** Crockford's base 32: no letter that looks like a digit, and no vowel that makes a word of chance. */
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const groups = 4;
const groupCharacters = 5;

/** A code of 100 random bits: `PREFIX-XXXXX-XXXXX-XXXXX-XXXXX`. */
export function makeCode(random: Random, prefix: string): string {
  const bytes = random.bytes(groups * groupCharacters);
  const text = Array.from(bytes, (byte) => alphabet.charAt(byte & 31)).join("");
  const parts = Array.from({ length: groups }, (_, i) => text.slice(i * groupCharacters, (i + 1) * groupCharacters));
  return [...(prefix === "" ? [] : [prefix]), ...parts].join("-");
}

/** A code as it is stored: whoever reads the table learns no code. People may write it in small letters, spaced, or with O for 0. */
export function hashCode(key: Buffer, code: string): Buffer {
  const plain = code.toUpperCase().replace(/[\s-]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
  return createHmac("sha256", key).update(plain).digest();
}

/** Whether a code of the batch may be redeemed at that time, as far as the batch goes. */
export function isRedeemable({ expiresAt, disabledAt }: CodeBatch, now: Date): boolean {
  return disabledAt === null && (expiresAt === null || expiresAt > now);
}
