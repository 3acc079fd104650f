import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type CloseLeasesRequest,
  CloseLeasesRequestSchema,
  type UsageFact,
  UsageFactSchema,
} from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { RecordFormat } from "@lyss/kit/spool/record-format.ts";
import { beginBytes, endBytes, readFact, writeBegin, writeEnd } from "./fact-wire.ts";

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

/** The record of an attempt that begins. */
export const begunFormat: RecordFormat<UsageFact> = {
  maxBytes: (fact) => 1 + beginBytes(fact),
  write(fact, bytes, at) {
    bytes[at] = codes.begun;
    return writeBegin(bytes, at + 1, fact);
  },
};

/** The record of one that has ended: that of its beginning, and what is new. */
export const endedFormat: RecordFormat<{ readonly begun: Uint8Array; readonly fact: UsageFact }> = {
  maxBytes: ({ begun }) => begun.length + endBytes,
  write({ begun, fact }, bytes, at) {
    bytes.set(begun, at);
    bytes[at] = codes.ended;
    return writeEnd(bytes, at + begun.length, fact);
  },
};

export function toRecord(closing: CloseLeasesRequest): Uint8Array {
  return Buffer.concat([Uint8Array.of(codes.lease), toBinary(CloseLeasesRequestSchema, closing)]);
}

/** The message in a record. */
export function messageOf(record: Uint8Array): Uint8Array {
  return record.subarray(1);
}

/** The fact in the record of an attempt. */
export function factOf(record: Uint8Array): UsageFact {
  const { buffer, byteOffset, byteLength } = messageOf(record);
  return readFact(Buffer.from(buffer, byteOffset, byteLength));
}

/** Throws an Error for a record of a kind that this version does not know. */
export function parseRecord(record: Uint8Array): SpoolRecord {
  const message = messageOf(record);
  switch (record[0]) {
    case codes.begun:
      return { kind: "begun", fact: fromBinary(UsageFactSchema, message) };
    case codes.ended:
      return { kind: "ended", fact: fromBinary(UsageFactSchema, message) };
    case codes.lease:
      return { kind: "lease", closing: fromBinary(CloseLeasesRequestSchema, message) };
    default:
      throw new Error(`a spool record of kind ${record[0]} is not known`);
  }
}
