import { create, type UnknownField } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { type PostFactsRequest, PostFactsRequestSchema } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { withWireForm } from "@lyss/kit/rpc/wire-form.ts";
import { factOf, messageOf } from "./spool-record.ts";
import { writeMessageTag, writeVarint } from "./wire.ts";

/** `PostFactsRequest.facts`. */
const factsField = 2;
const tagBytes = 1;
const maxLengthBytes = 5;

/**
 * A request of the facts in these records. To another process they go as they are on disk, and are not read; within this one they are
 * read when they are looked at.
 */
export function toPostRequest(nodeId: string, records: readonly Uint8Array[]): PostFactsRequest {
  const request = create(PostFactsRequestSchema, { nodeId });
  Object.defineProperty(request, "facts", { get: () => records.map(factOf), enumerable: true, configurable: true });
  return withWireForm(request, () =>
    Object.assign(create(PostFactsRequestSchema, { nodeId }), { $unknown: toFields(records) }),
  );
}

/**
 * All facts as what follows the tag of the first: the tags of the others stand between them, as they would be written. One field and one
 * buffer, for a request of thousands waits for its answer for longer than a young generation lives.
 */
function toFields(records: readonly Uint8Array[]): readonly UnknownField[] {
  if (records.length === 0) return [];
  let maxBytes = 0;
  for (const record of records) maxBytes += tagBytes + maxLengthBytes + record.length;
  const bytes = Buffer.allocUnsafeSlow(maxBytes);
  let at = 0;
  for (const record of records) {
    if (at > 0) at = writeMessageTag(bytes, at, factsField);
    at = writeMessage(bytes, at, record);
  }
  return [{ no: factsField, wireType: WireType.LengthDelimited, data: bytes.subarray(0, at) }];
}

/** The message in a record behind its length. */
function writeMessage(bytes: Buffer, at: number, record: Uint8Array): number {
  const message = messageOf(record);
  const messageAt = writeVarint(bytes, at, message.length);
  bytes.set(message, messageAt);
  return messageAt + message.length;
}
