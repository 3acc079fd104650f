import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type CloseLeasesRequest,
  CloseLeasesRequestSchema,
  type UsageFact,
  UsageFactSchema,
} from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";

/** An attempt, before its request leaves and when it has ended. */
export interface FactRecord {
  readonly kind: "begun" | "ended";
  readonly fact: UsageFact;
}

/** What is to be closed when this process is no more. */
export interface LeaseRecord {
  readonly kind: "lease";
  readonly closing: CloseLeasesRequest;
}

export type SpoolRecord = FactRecord | LeaseRecord;

/** A record is one byte that says which, and a message. */
const codes = { begun: 0x62, ended: 0x65, lease: 0x6c } as const;

export function toRecord(record: SpoolRecord): Uint8Array {
  const message =
    record.kind === "lease"
      ? toBinary(CloseLeasesRequestSchema, record.closing)
      : toBinary(UsageFactSchema, record.fact);
  const bytes = Buffer.allocUnsafe(1 + message.length);
  bytes[0] = codes[record.kind];
  bytes.set(message, 1);
  return bytes;
}

/**
 * The record of an attempt that has ended, from the one of its beginning: what is new follows, and of a field that comes twice the
 * last counts (protobuf.dev, "Encoding", Last One Wins). Nearly all of an attempt is known when it begins.
 */
export function toEndedRecord(begun: Uint8Array, ended: UsageFact): Uint8Array {
  // What is not written again: a field that is not written is one that has its default.
  const bytes = toBinary(UsageFactSchema, {
    ...ended,
    callId: "",
    attempt: 0,
    leaseId: "",
    requestId: "",
    tenantId: "",
    keyId: "",
    userId: "",
    provider: "",
    model: "",
    priceId: "",
    startedAtMs: 0n,
    tags: "",
  });
  const record = Buffer.allocUnsafe(begun.length + bytes.length);
  record.set(begun);
  record[0] = codes.ended;
  record.set(bytes, begun.length);
  return record;
}

/** Throws an Error for a record of a kind that this version does not know. */
export function parseRecord(bytes: Uint8Array): SpoolRecord {
  const [code] = bytes;
  const message = bytes.subarray(1);
  switch (code) {
    case codes.begun:
      return { kind: "begun", fact: fromBinary(UsageFactSchema, message) };
    case codes.ended:
      return { kind: "ended", fact: fromBinary(UsageFactSchema, message) };
    case codes.lease:
      return { kind: "lease", closing: fromBinary(CloseLeasesRequestSchema, message) };
    default:
      throw new Error(`a spool record of kind ${code} is not known`);
  }
}
