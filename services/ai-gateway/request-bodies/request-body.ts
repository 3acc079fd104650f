import type { WrappedKey } from "@lyss/kit/crypto/keyring.ts";

/** A tenant's key as it is stored. */
export interface StoredBodyKey extends WrappedKey {
  readonly tenantId: string;
  readonly dataKeyId: string;
}

/** What is known of what is kept of a call without opening it. */
export interface BodyFacts {
  readonly callId: string;
  readonly tenantId: string;
  readonly userId: string;
  readonly keyId: string;
  readonly model: string;
  readonly surface: string;
  /** False for an answer that broke off, and for none. */
  readonly isComplete: boolean;
  readonly isTruncated: boolean;
  readonly startedAt: Date;
  readonly expiresAt: Date;
}

export interface BodyRow extends BodyFacts {
  readonly dataKeyId: string;
  readonly sealed: Buffer;
}

/** A row with the key that opens it. */
export type OpenableBody = BodyRow & WrappedKey;

/** Which of a tenant's calls; what is undefined does not matter. */
export interface BodyFilter {
  readonly tenantId: string;
  readonly userId?: string | undefined;
  readonly keyId?: string | undefined;
  readonly model?: string | undefined;
  readonly from?: Date | undefined;
  /** Exclusive. */
  readonly to?: Date | undefined;
}
