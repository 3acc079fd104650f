import { z } from "zod";
import type { Call } from "./call.ts";
import { sendJson } from "./delivery.ts";
import { embedContent } from "./embed-content.ts";
import type { InlineBatch, InlineResult } from "./inline-batches.ts";
import { parseJsonObject } from "./requests.ts";
import { badRequest } from "./wire-error.ts";

type Serve = (call: Call, id: string) => Promise<void>;

const dayMs = 86_400_000;

const messageBatch = z.strictObject({
  requests: z
    .array(
      z.strictObject({
        custom_id: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/),
        params: z.looseObject({ model: z.string(), stream: z.literal(false).optional() }),
      }),
    )
    .min(1),
});

const messages: Readonly<Record<string, Serve>> = {
  async POST(call) {
    const { requests } = parseAs(messageBatch, call.body);
    const asked = requests.map(({ custom_id: key, params: body }) => ({ key, endpoint: "/v1/messages", body }));
    const batch = { id: `msgbatch_${call.stamp.id}`, name: "", model: "", requests: asked };
    await answer(call, toMessageBatch(call.desk.inline.create(batch, call.clock.nowMs())));
  },
  async GET(call) {
    const data = call.desk.inline.list().filter(({ id }) => id.startsWith("msgbatch_"));
    const ids = { first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
    await answer(call, { data: data.map(toMessageBatch), has_more: false, ...ids });
  },
  "GET {id}": async (call, id) => answer(call, toMessageBatch(await call.desk.inline.get(id, call.clock.nowMs()))),
  "POST {id}/cancel": (call, id) => answer(call, toMessageBatch(call.desk.inline.cancel(id, call.clock.nowMs()))),
  async "DELETE {id}"(call, id) {
    call.desk.inline.remove(id);
    await answer(call, { id, type: "message_batch_deleted" });
  },
  async "GET {id}/results"(call, id) {
    const { end, results } = await call.desk.inline.get(id, call.clock.nowMs());
    if (end === undefined) throw badRequest(null, "The batch has no results yet.");
    const lines = results.map((result) => `${JSON.stringify(toMessageResult(result, end))}\n`);
    call.open({}).res.writeHead(200, { "content-type": "application/x-jsonl" }).end(lines.join(""));
  },
};

/** platform.claude.com/docs/en/api/retrieving-message-batches */
function toMessageBatch({ id, requests, createdMs, endedMs, cancelMs, end, results }: InlineBatch) {
  const count = (type: string) =>
    results.filter((result) => end && toMessageResult(result, end).result.type === type).length;
  const at = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString());
  return {
    ...{ id, type: "message_batch" },
    processing_status: end !== undefined ? "ended" : cancelMs === undefined ? "in_progress" : "canceling",
    request_counts: {
      ...{
        processing: end === undefined ? requests.length : 0,
        succeeded: count("succeeded"),
        errored: count("errored"),
      },
      ...{ canceled: count("canceled"), expired: count("expired") },
    },
    ...{ created_at: at(createdMs), expires_at: at(createdMs + dayMs), ended_at: at(endedMs) },
    ...{ cancel_initiated_at: at(cancelMs), archived_at: null },
    results_url: end === undefined ? null : `https://api.anthropic.com/v1/messages/batches/${id}/results`,
  };
}

function toMessageResult({ request: { key: custom_id }, answer: made }: InlineResult, end: string) {
  const failed = { type: "error", error: { type: "api_error", message: "Simulated: the batch has failed." } };
  if (!made && end === "failed") return { custom_id, result: { type: "errored", error: failed } };
  if (!made) return { custom_id, result: { type: end === "expired" ? "expired" : "canceled" } };
  if (made.status === 200) return { custom_id, result: { type: "succeeded", message: made.body } };
  return { custom_id, result: { type: "errored", error: made.body } };
}

function batchOf<T extends z.ZodType<object>>(request: T) {
  const inlined = z.strictObject({ request, metadata: z.looseObject({}).optional() });
  const inputConfig = z.strictObject({ requests: z.strictObject({ requests: z.array(inlined).min(1) }) });
  return z.strictObject({ batch: z.strictObject({ displayName: z.string().min(1), inputConfig }) });
}
const contentBatch = batchOf(z.looseObject({ contents: z.array(z.unknown()) }));
const embedBatch = batchOf(embedContent);

/** What stands at Google's paths that name a model: batches of contents, and of texts to embed. */
export function serveContentBatch(model: string, verb: string): (call: Call) => Promise<void> {
  return async (call) => {
    const isEmbedding = verb === "asyncBatchEmbedContent";
    const { batch } = parseAs<z.output<typeof contentBatch> | z.output<typeof embedBatch>>(
      isEmbedding ? embedBatch : contentBatch,
      call.body,
    );
    const endpoint = `/v1beta/models/${encodeURIComponent(model)}:${isEmbedding ? "embedContent" : "generateContent"}`;
    const requests = batch.inputConfig.requests.requests.map(({ request: body, metadata }, index) => ({
      ...{ key: String(index), endpoint, body, metadata },
    }));
    const asked = { id: call.stamp.id, name: batch.displayName, model, requests };
    await answer(call, toOperation(call.desk.inline.create(asked, call.clock.nowMs())));
  };
}

const contents: Readonly<Record<string, Serve>> = {
  async GET(call) {
    const batches = call.desk.inline.list().filter(({ model }) => model !== "");
    await answer(call, { operations: batches.map(toOperation) });
  },
  "GET {id}": async (call, id) => answer(call, toOperation(await call.desk.inline.get(id, call.clock.nowMs()))),
  async "POST {id}:cancel"(call, id) {
    call.desk.inline.cancel(id, call.clock.nowMs());
    await answer(call, {});
  },
  async "DELETE {id}"(call, id) {
    call.desk.inline.remove(id);
    await answer(call, {});
  },
};

const states = { completed: "SUCCEEDED", expired: "EXPIRED", failed: "FAILED", cancelled: "CANCELLED" } as const;

/** ai.google.dev/api/batch-api */
function toOperation({ id, name: displayName, model, requests, createdMs, endedMs, end, results }: InlineBatch) {
  const at = (ms: number) => new Date(ms).toISOString();
  const good = results.filter(({ answer: made }) => made?.status === 200).length;
  const output = { inlinedResponses: { inlinedResponses: results.map(toContentResult) } };
  const hasOutput = end !== undefined && end !== "failed";
  return {
    name: `batches/${id}`,
    metadata: {
      ...{ name: `batches/${id}`, model: `models/${model}`, displayName, createTime: at(createdMs) },
      state: `BATCH_STATE_${end === undefined ? "RUNNING" : states[end]}`,
      ...(endedMs !== undefined && { endTime: at(endedMs) }),
      batchStats: {
        requestCount: String(requests.length),
        ...(end !== undefined && { successfulRequestCount: String(good) }),
        ...(end !== undefined && { failedRequestCount: String(requests.length - good) }),
      },
      ...(hasOutput && { output }),
    },
    ...(end !== undefined && { done: true }),
    ...(hasOutput && { response: output }),
    ...(end === "failed" && { error: { code: 13, message: "Simulated: the batch has failed." } }),
  };
}

const codes: Readonly<Record<number, number>> = { 400: 3, 403: 7, 404: 5, 429: 8, 503: 14, 504: 4 };

function toContentResult({ request: { metadata }, answer: made }: InlineResult) {
  const said = metadata === undefined ? {} : { metadata };
  if (made?.status === 200) return { response: made.body, ...said };
  const code = made ? (codes[made.status] ?? 13) : 1;
  return { error: { code, message: "Simulated: the request was not answered." }, ...said };
}

const places: readonly (readonly [path: RegExp, served: Readonly<Record<string, Serve>>])[] = [
  [/^(GET|POST|DELETE) \/v1\/messages\/batches(?:\/([^/]{1,100})(\/cancel|\/results)?)?$/, messages],
  [/^(GET|POST|DELETE) \/v1beta\/batches(?:\/([^/:]{1,100})(:cancel)?)?$/, contents],
];

/** What stands at a method and path of Anthropic's or Google's batches; undefined where nothing does. */
export function findInlineEndpoint(key: string): ((call: Call) => Promise<void>) | undefined {
  for (const [path, served] of places) {
    const [, method, id, verb = ""] = path.exec(key) ?? [];
    if (method === undefined) continue;
    const name = `${method}${id === undefined ? "" : " {id}"}${verb}`;
    const serve = Object.hasOwn(served, name) ? served[name] : undefined;
    return serve && ((call) => serve(call, id ?? ""));
  }
  return undefined;
}

function parseAs<T>(schema: z.ZodType<T>, body: Buffer): T {
  const { success, data, error } = schema.safeParse(parseJsonObject(body));
  if (success) return data;
  const [issue] = error.issues;
  throw badRequest(issue?.path.join(".") ?? null, issue?.message ?? "invalid");
}

async function answer(call: Call, body: object): Promise<void> {
  await sendJson(call.open({}), 200, body);
}
