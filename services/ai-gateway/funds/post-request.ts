import { create } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import {
  type PostFactsRequest,
  PostFactsRequestSchema,
  type UsageFact,
} from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { withWireForm } from "@lyss/kit/rpc/wire-form.ts";
import { messageOf } from "./spool-record.ts";
import { writeVarint } from "./wire.ts";

/** An attempt that has ended, and its record. */
export interface EncodedFact {
  readonly fact: UsageFact;
  readonly record: Uint8Array;
}

/** `PostFactsRequest.facts`. */
const factsField = 2;
const maxLengthBytes = 5;

/** A request of facts that are on disk already: to another process they go as they are there, and are not encoded again. */
export function toPostRequest(nodeId: string, facts: readonly EncodedFact[]): PostFactsRequest {
  const request = create(PostFactsRequestSchema, { nodeId, facts: facts.map(({ fact }) => fact) });
  return withWireForm(request, () => {
    const encoded = toFields(facts.map(({ record }) => messageOf(record)));
    return Object.assign(create(PostFactsRequestSchema, { nodeId }), { $unknown: encoded });
  });
}

/** Each message behind its length. */
function toFields(messages: readonly Uint8Array[]) {
  let maxBytes = 0;
  for (const message of messages) maxBytes += maxLengthBytes + message.length;
  const bytes = Buffer.allocUnsafeSlow(maxBytes);
  let at = 0;
  return messages.map((message) => {
    const start = at;
    at = writeVarint(bytes, start, message.length);
    bytes.set(message, at);
    at += message.length;
    return { no: factsField, wireType: WireType.LengthDelimited, data: bytes.subarray(start, at) };
  });
}
