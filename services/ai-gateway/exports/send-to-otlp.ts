import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Batch, SenderDeps } from "./batch.ts";
import type { ExportSpec } from "./export.ts";
import { checkStatus } from "./export-error.ts";
import type { ExportedRecord } from "./export-record.ts";

const zip = promisify(gzip);
/** Severity numbers of OpenTelemetry's data model of logs. */
const severities = { info: 9, warn: 13, error: 17 } as const;

/** Logs by OTLP/HTTP in JSON (opentelemetry.io/docs/specs/otlp): one for each record, named by the conventions for generative AI where they have a name. */
export async function sendToOtlp(
  { fetch }: SenderDeps,
  { url, header }: Extract<ExportSpec, { kind: "otlp" }>,
  secret: string | undefined,
  { records }: Batch,
): Promise<{ readonly rejected: number }> {
  const logs = {
    resourceLogs: [
      {
        resource: { attributes: toAttributes({ "service.name": "lyss" }) },
        scopeLogs: [{ scope: { name: "lyss.request_records" }, logRecords: records.map(toLogRecord) }],
      },
    ],
  };
  const headers = {
    ...{ "content-type": "application/json", "content-encoding": "gzip" },
    ...(secret !== undefined && { [header.toLowerCase()]: secret }),
  };
  const answer = await fetch(new URL(url), { method: "POST", headers, body: await zip(JSON.stringify(logs)) });
  checkStatus(answer.status);
  return { rejected: rejectedIn(await answer.text()) };
}

/** What was taken in part is not to be sent again, says the specification. */
function rejectedIn(answer: string): number {
  try {
    const { partialSuccess } = JSON.parse(answer) as { partialSuccess?: { rejectedLogRecords?: unknown } };
    const rejected = Number(partialSuccess?.rejectedLogRecords ?? 0);
    return Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0;
  } catch {
    // Protobuf, or nothing.
    return 0;
  }
}

function toLogRecord(record: ExportedRecord): object {
  const { id, attempt, request_id, tenant_id, key_id, user_id, model, provider, status, tags, ...rest } = record;
  const level = status === "failed" || status === "lost" ? "error" : status === "truncated" ? "warn" : "info";
  const { request, answer, started_at, created_at, ...figures } = rest;
  return {
    timeUnixNano: toNanos(started_at),
    observedTimeUnixNano: toNanos(created_at),
    severityNumber: severities[level],
    severityText: level.toUpperCase(),
    eventName: "lyss.request",
    body: { stringValue: `${model} ${status}` },
    attributes: toAttributes({
      ...{ "gen_ai.request.model": model, "gen_ai.provider.name": provider, "enduser.id": user_id },
      ...{ "gen_ai.usage.input_tokens": figures.input_tokens, "gen_ai.usage.output_tokens": figures.output_tokens },
      ...{
        "lyss.call.id": id,
        "lyss.call.attempt": attempt,
        "lyss.request.id": request_id,
        "lyss.call.status": status,
      },
      ...{ "lyss.tenant.id": tenant_id, "lyss.key.id": key_id, "lyss.cost.nanos": figures.cost_nanos },
      ...{ "lyss.usage.cached_input_tokens": figures.cached_input_tokens, "lyss.usage.estimated": figures.estimated },
      ...{ "lyss.uncollected.nanos": figures.uncollected_nanos, "lyss.price.id": figures.price_id },
      ...(figures.streamed !== null && { "lyss.streamed": figures.streamed }),
      ...(figures.first_token_ms !== null && { "lyss.first_token.ms": figures.first_token_ms }),
      ...(figures.error !== null && { "error.type": figures.error }),
      ...{ "lyss.latency.ms": figures.latency_ms, "lyss.service.mode": figures.service_mode },
      ...Object.fromEntries(Object.entries(tags).map(([name, value]) => [`lyss.tag.${name}`, value])),
      ...(request !== undefined && { "lyss.request.body": JSON.stringify(request) }),
      ...(answer !== undefined && { "lyss.answer.body": JSON.stringify(answer) }),
    }),
  };
}

function toNanos(time: string): string {
  return `${Date.parse(time)}000000`;
}

function toAttributes(given: Readonly<Record<string, string | number | boolean>>): readonly object[] {
  const told = Object.entries(given).filter(([, value]) => value !== "");
  return told.map(([key, value]) => ({ key, value: toValue(value) }));
}

/** Whole numbers go in digits (proto3's JSON mapping of int64). */
function toValue(value: string | number | boolean): object {
  if (typeof value === "boolean") return { boolValue: value };
  return typeof value === "number" ? { intValue: String(value) } : { stringValue: value };
}
