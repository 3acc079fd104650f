import { readBody } from "../call/send-upstream.ts";
import { parseExact } from "../dialects/exact-json.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import type { Target } from "../model.ts";
import type { UpstreamBatches, UpstreamRequest } from "./account-batches.ts";
import { type AccountDeps, createAccountClient, parseAnswer, toBatchRefusal } from "./account-client.ts";
import type { AnswerLine } from "./answer-line.ts";
import { toSeconds } from "./message-batches.ts";

/** What Google calls the states of a batch. */
const statuses: Readonly<Record<string, string>> = {
  ...{ PENDING: "in_progress", RUNNING: "in_progress", SUCCEEDED: "completed", FAILED: "failed" },
  ...{ CANCELLED: "cancelled", EXPIRED: "expired" },
};
/** What an error of one request would have been answered with, by `google.rpc.Code`; 1 is one that was never made. */
const statusesByCode: Readonly<Record<number, number>> = {
  ...{ 3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 9: 400, 11: 400, 14: 503, 16: 401 },
};
const canceled = 1;
/** Google takes 20 MB of requests (ai.google.dev/gemini-api/docs/batch-api); their answers come in one piece. */
const maxAnswersBytes = 67_108_864;
const pageSize = 100;
const maxPages = 10;

/**
 * Google's batches (ai.google.dev/api/batch-api) with inlined requests: their answers lie in the batch itself. The name that they are shown by
 * is our mark.
 */
export function createContentBatches(deps: AccountDeps, target: Target): UpstreamBatches {
  const { open, ask } = createAccountClient(deps, target);
  const at = (id: string) => `/batches/${encodeURIComponent(id)}`;
  const read = async (id: string) => readBody(await open({ method: "GET", endpoint: at(id) }), maxAnswersBytes);
  return {
    isFindable: true,
    async create({ requests, mark, endpoint: asked }) {
      if (!requests) return undefined;
      const verb = asked === "/v1/embeddings" ? "asyncBatchEmbedContent" : "batchGenerateContent";
      const endpoint = `/models/${encodeURIComponent(target.model.upstreamName)}:${verb}`;
      const bytes = toBody(requests, mark);
      try {
        return toBatch(await ask({ method: "POST", endpoint, body: { contentType: "application/json", bytes } }));
      } catch (err) {
        throw toBatchRefusal(err, target, bytes.length);
      }
    },
    get: async (id) => toBatch(parseAnswer(target, await read(id))),
    async cancel(id) {
      await ask({ method: "POST", endpoint: `${at(id)}:cancel`, accepted: [400, 404, 409] });
    },
    async findByMark(mark) {
      for (let page = 0, token = ""; page < maxPages; page++) {
        const listed = await ask({
          method: "GET",
          endpoint: `/batches?pageSize=${pageSize}${token && `&pageToken=${token}`}`,
        });
        const operations = fieldOf(listed, "operations");
        const found = (Array.isArray(operations) ? operations : []).find(
          (one) => fieldOf(fieldOf(one, "metadata"), "displayName") === mark,
        );
        const next = fieldOf(listed, "nextPageToken");
        if (found) return toBatch(found);
        if (typeof next !== "string" || next === "") return undefined;
        token = encodeURIComponent(next);
      }
      return undefined;
    },
    async *answers(id) {
      for (const [index, item] of itemsOf(await read(id)).entries()) yield readInlined(item, index);
    },
    async removeFile(id) {
      if (id !== "") await ask({ method: "DELETE", endpoint: at(id), accepted: [404] });
    },
  };
}

/** The answers stand in the operation's response, or in what is said about it, or in both. */
function itemsOf(body: Buffer): readonly unknown[] {
  const json = parseExact(body.toString("utf8"));
  const place = fieldOf(json, "response") === undefined ? ["metadata", "output"] : ["response"];
  const output = place.reduce<unknown>((value, name) => fieldOf(value, name), json);
  const list = fieldOf(fieldOf(output, "inlinedResponses"), "inlinedResponses");
  return Array.isArray(list) ? list : [];
}

function toBody(requests: readonly UpstreamRequest[], mark: string): Buffer {
  const pieces = requests.flatMap(({ customId, body }, index) => [
    Buffer.from(`${index > 0 ? "," : ""}{"metadata":{"key":${JSON.stringify(customId)}},"request":`),
    ...[body, Buffer.from("}")],
  ]);
  const head = `{"batch":{"displayName":${JSON.stringify(mark)},"inputConfig":{"requests":{"requests":[`;
  return Buffer.concat([Buffer.from(head), ...pieces, Buffer.from("]}}}}")]);
}

/** Of an operation, or of a batch by itself. */
function toBatch(json: unknown): object {
  const batch = fieldOf(json, "metadata") ?? json;
  const name = fieldOf(json, "name") ?? fieldOf(batch, "name");
  const id = typeof name === "string" ? name.split("/").at(-1) : undefined;
  const state = String(fieldOf(batch, "state")).replace(/^(BATCH|JOB)_STATE_/, "");
  const status = statuses[state];
  const stats = fieldOf(batch, "batchStats");
  const count = (name: string) => Number(fieldOf(stats, name)) || 0;
  const hasEnded = status !== undefined && status !== "in_progress";
  return {
    ...{ id, status },
    request_counts: { completed: count("successfulRequestCount"), failed: count("failedRequestCount") },
    ...(hasEnded && { [`${status}_at`]: toSeconds(fieldOf(batch, "endTime")), output_file_id: id }),
  };
}

function readInlined(json: unknown, index: number): AnswerLine {
  const key = fieldOf(fieldOf(json, "metadata"), "key");
  const customId = typeof key === "string" ? key : String(index);
  const error = fieldOf(json, "error");
  const body = fieldOf(json, "response") ?? { error };
  const code = Number(fieldOf(error, "code"));
  const status = error === undefined ? 200 : code === canceled ? undefined : (statusesByCode[code] ?? 500);
  const bytes = Buffer.from(JSON.stringify(body));
  return { customId, status, bytes, body, lineBytes: bytes.length };
}
