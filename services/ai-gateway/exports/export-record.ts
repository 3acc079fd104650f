import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import type { FollowedUsage } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { foldCounts } from "@lyss/contracts/pricing/token-price.ts";
import { fromServiceModeMessage, fromUsageMessage } from "@lyss/contracts/pricing/wire.ts";
import { type CallErrorName, fromCallErrorMessage } from "@lyss/contracts/usage/call-errors.ts";
import { toTagRecord } from "@lyss/contracts/usage/tags.ts";
import { type CallStatus, statusOf } from "../call-status.ts";

/** A call as it is sent out: what its usage record says, and where that is wished what was said in it. */
export interface ExportedRecord {
  /** The call. A record may come twice; with `attempt` it is known by it. */
  readonly id: string;
  readonly attempt: number;
  readonly request_id: string;
  readonly tenant_id: string;
  readonly key_id: string;
  readonly user_id: string;
  readonly model: string;
  readonly provider: string;
  readonly status: CallStatus;
  readonly started_at: string;
  readonly created_at: string;
  readonly input_tokens: number;
  readonly cached_input_tokens: number;
  readonly output_tokens: number;
  readonly service_mode: string;
  readonly price_id: string;
  readonly cost_nanos: string;
  readonly uncollected_nanos: string;
  readonly estimated: boolean;
  readonly latency_ms: number;
  /** Null in records from before it was noted. */
  readonly streamed: boolean | null;
  readonly first_token_ms: number | null;
  readonly error: CallErrorName | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly request?: unknown;
  readonly answer?: unknown;
}

export function toExportedRecord(followed: FollowedUsage): ExportedRecord {
  const { record, tenantId, attempt, startedAt, uncollectedNanos } = followed;
  if (!record?.tokens) throw new Error("billing gave a place without a record");
  const tokens = foldCounts(fromUsageMessage(record.tokens));
  return {
    ...{ id: record.callId, attempt, request_id: record.requestId, tenant_id: tenantId, key_id: record.keyId },
    ...{ user_id: record.userId, model: record.model, provider: record.provider, status: statusOf[record.outcome] },
    ...{ started_at: toTime(startedAt), created_at: toTime(record.createdAt) },
    input_tokens: Number(tokens.inputTokens + tokens.cachedInputTokens),
    cached_input_tokens: Number(tokens.cachedInputTokens),
    output_tokens: Number(tokens.outputTokens),
    ...{ service_mode: fromServiceModeMessage(record.serviceMode), price_id: record.priceId },
    ...{ cost_nanos: record.costNanos.toString(), uncollected_nanos: uncollectedNanos.toString() },
    ...{ estimated: record.isEstimated, latency_ms: Number(record.latencyMs) },
    streamed: record.isStreamed ?? null,
    first_token_ms: record.firstTokenMs === undefined ? null : Number(record.firstTokenMs),
    ...{ error: fromCallErrorMessage(record.error) ?? null, tags: toTagRecord(record.tags) },
  };
}

function toTime(time: Timestamp | undefined): string {
  return (time ? timestampDate(time) : new Date(0)).toISOString();
}
