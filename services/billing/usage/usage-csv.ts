import { Decimal, toCsv } from "@lyss/kit/http/csv.ts";
import type { UsageBody } from "./usage-body.ts";

/** The columns of a CSV export, in order: fields of the usage record, with its buckets and tags as JSON. */
export const csvColumns = [
  ...(["id", "attempt", "request_id", "started_at", "created_at", "key_id", "user_id", "model", "provider"] as const),
  ...(["status", "input_tokens", "cached_input_tokens", "output_tokens", "service_mode", "price_id"] as const),
  ...(["cost_nanos", "uncollected_nanos", "estimated", "latency_ms", "posting_id", "buckets", "tags"] as const),
  ...(["streamed", "first_token_ms", "error"] as const),
] as const satisfies readonly (keyof UsageBody)[];

/** The first line. */
export const csvHeader = toCsv([csvColumns]);

/** A record as a line of CSV. */
export function toCsvLine(record: UsageBody): string {
  return toCsv([csvColumns.map((column) => toField(record[column]))]);
}

function toField(value: UsageBody[keyof UsageBody]): string | Decimal {
  if (value === null) return "";
  if (typeof value === "object") return JSON.stringify(value);
  return typeof value === "string" ? value : new Decimal(String(value));
}
