import { fieldOf } from "../dialects/openai/usage.ts";
import type { Target } from "../model.ts";
import type { UpstreamBatches, UpstreamRequest } from "./account-batches.ts";
import { type AccountDeps, createAccountClient, toBatchRefusal } from "./account-client.ts";
import { type AnswerLine, findAt, parseIfObject } from "./answer-line.ts";
import { cutLines } from "./cut-lines.ts";

/** What an error of one request would have been answered with (docs.anthropic.com/en/api/errors). */
const statuses: Readonly<Record<string, number>> = {
  ...{ invalid_request_error: 400, authentication_error: 401, billing_error: 402, permission_error: 403 },
  ...{ not_found_error: 404, request_too_large: 413, rate_limit_error: 429, timeout_error: 504, overloaded_error: 529 },
};

/**
 * Anthropic's batches (platform.claude.com/docs/en/api/creating-message-batches): they bring their requests along, and their answers lie
 * under their own name. They bear no mark.
 */
export function createMessageBatches(deps: AccountDeps, target: Target): UpstreamBatches {
  const { open, ask } = createAccountClient(deps, target);
  const at = (id: string) => `/messages/batches/${encodeURIComponent(id)}`;
  return {
    isFindable: false,
    async create({ requests, headers }) {
      if (!requests) return undefined;
      const bytes = toBody(requests);
      const body = { contentType: "application/json", bytes };
      try {
        return toBatch(await ask({ method: "POST", endpoint: "/messages/batches", body, headers }));
      } catch (err) {
        throw toBatchRefusal(err, target, bytes.length);
      }
    },
    get: async (id) => toBatch(await ask({ method: "GET", endpoint: at(id) })),
    async cancel(id) {
      await ask({ method: "POST", endpoint: `${at(id)}/cancel`, accepted: [400, 404, 409] });
    },
    findByMark: async () => undefined,
    async *answers(id) {
      const { body } = await open({ method: "GET", endpoint: `${at(id)}/results` });
      for await (const { bytes } of cutLines(body, deps.settings.maxResponseBytes)) {
        const line = readResult(bytes);
        if (line) yield line;
      }
    },
    async removeFile(id) {
      if (id !== "") await ask({ method: "DELETE", endpoint: at(id), accepted: [404] });
    },
  };
}

function toBody(requests: readonly UpstreamRequest[]): Buffer {
  const pieces = requests.flatMap(({ customId, body }, index) => [
    Buffer.from(`${index > 0 ? "," : ""}{"custom_id":${JSON.stringify(customId)},"params":`),
    ...[body, Buffer.from("}")],
  ]);
  return Buffer.concat([Buffer.from('{"requests":['), ...pieces, Buffer.from("]}")]);
}

function toBatch(json: unknown): object {
  const id = fieldOf(json, "id");
  const counts = fieldOf(json, "request_counts");
  const count = (...names: readonly string[]) =>
    names.reduce((sum, name) => sum + (Number(fieldOf(counts, name)) || 0), 0);
  const status = statusOf(json, count("expired") > 0);
  const hasEnded = fieldOf(json, "processing_status") === "ended";
  const times = { expires_at: "expires_at", cancelling_at: "cancel_initiated_at" };
  return {
    ...{ id, status },
    request_counts: { completed: count("succeeded"), failed: count("errored", "canceled", "expired") },
    ...Object.fromEntries(Object.entries(times).map(([name, said]) => [name, toSeconds(fieldOf(json, said))])),
    ...(hasEnded && { [`${status}_at`]: toSeconds(fieldOf(json, "ended_at")), output_file_id: id }),
  };
}

function statusOf(json: unknown, hasExpired: boolean): string | undefined {
  const said = fieldOf(json, "processing_status");
  if (said === "in_progress") return "in_progress";
  if (said === "canceling") return "cancelling";
  if (said !== "ended") return undefined;
  if (typeof fieldOf(json, "cancel_initiated_at") === "string") return "cancelled";
  return hasExpired ? "expired" : "completed";
}

/** Unix seconds of a date as RFC 3339 has it; undefined for what is none. */
export function toSeconds(date: unknown): number | undefined {
  const ms = typeof date === "string" ? Date.parse(date) : Number.NaN;
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1_000);
}

/** Undefined for what is no such line. */
function readResult(line: Buffer): AnswerLine | undefined {
  const json = parseIfObject(line);
  const customId = fieldOf(json, "custom_id");
  const result = fieldOf(json, "result");
  if (typeof customId !== "string") return undefined;
  const isMade = fieldOf(result, "type") === "succeeded";
  const name = isMade ? "message" : "error";
  const body = fieldOf(result, name);
  const bytes = findAt(line, ["result", name]) ?? Buffer.alloc(0);
  const type = String(fieldOf(fieldOf(body, "error"), "type"));
  const isRefused = fieldOf(result, "type") === "errored";
  const status = isMade ? 200 : isRefused ? (statuses[type] ?? 500) : undefined;
  return { customId, status, bytes, body, lineBytes: line.length + 1 };
}
