import type { IncomingHttpHeaders } from "node:http";
import type { Call } from "./call.ts";
import { simulatedModels } from "./catalogue.ts";
import { cohereForm, serveEmbed } from "./cohere.ts";
import { contentForm } from "./contents.ts";
import { converseForm } from "./converse.ts";
import { serveListen, serveSpeak } from "./deepgram.ts";
import { sendJson } from "./delivery.ts";
import { serveSpeechToText, serveTextToSpeech } from "./elevenlabs.ts";
import { serveEmbedContent } from "./embed-content.ts";
import { endpoints, serveModel, serveRerank } from "./endpoints.ts";
import { serveMcpServer } from "./mcp-server.ts";
import { invokeForm, messageForm } from "./messages.ts";
import { parseJsonObject } from "./requests.ts";
import { serveCompaction, serveInputTokens, serveResponse } from "./responses.ts";
import { findDeskEndpoint } from "./serve-batches.ts";
import { findTuningEndpoint } from "./serve-fine-tuning.ts";
import { findInlineEndpoint, serveContentBatch } from "./serve-inline-batches.ts";
import { findPredictionEndpoint } from "./serve-predictions.ts";
import { findVideoEndpoint } from "./serve-videos.ts";
import { serveForm } from "./vendor-form.ts";
import { badRequest, WireError } from "./wire-error.ts";

type Serve = (call: Call) => Promise<void>;

/** What the names of models on Vertex AI begin with when they are Anthropic's. */
const claude = /^claude-/;
/** And on Bedrock. */
const claudeOnBedrock = /^anthropic\.claude-/;

/** What stands at a path that names a model, by its pattern; groups are the model and the verb. */
const modelPlaces: readonly (readonly [path: RegExp, find: (model: string, verb: string, query: string) => Serve])[] = [
  [/^POST \/model\/([^/]{1,2048})\/(converse|converse-stream)$/, serveConverse],
  [/^POST \/model\/([^/]{1,2048})\/(invoke|invoke-with-response-stream)$/, serveInvoke],
  [/^POST \/v1beta\/models\/([^/]{1,256}):(generateContent|streamGenerateContent)$/, serveContent],
  [/^POST \/v1beta\/models\/([^/]{1,256}):(batchGenerateContent|asyncBatchEmbedContent)$/, serveContentBatch],
  [/^POST \/v1beta\/models\/([^/]{1,256}):(embedContent|batchEmbedContents)$/, serveEmbedContent],
  [
    /^POST \/v1\/projects\/[^/]+\/locations\/[^/]+\/publishers\/google\/models\/([^/]{1,256}):(generateContent|streamGenerateContent)$/,
    serveContent,
  ],
  [
    /^POST \/v1\/projects\/[^/]+\/locations\/[^/]+\/publishers\/anthropic\/models\/([^/]{1,256}):(rawPredict|streamRawPredict)$/,
    serveRawPredict,
  ],
  [/^POST \/openai\/deployments\/([^/]{1,256})(\/(?:chat\/completions|completions|embeddings))$/, serveDeployment],
  [/^POST \/v1\/text-to-speech\/([^/]{1,128})()$/, (voice, _verb, query) => serveTextToSpeech(voice, query)],
  [/^POST \/v1\/(listen)()$/, (_model, _verb, query) => serveListen(query)],
  [/^POST \/v1\/(speak)()$/, (_model, _verb, query) => serveSpeak(query)],
  [/^GET \/v1\/models\/([^/]{1,256})()$/, (name) => (call) => serveModel(call, name)],
];

/** What other vendors have at paths of their own. */
const others: Readonly<Record<string, Serve>> = {
  "POST /v1/responses": serveResponse,
  "POST /v1/responses/compact": serveCompaction,
  "POST /v1/responses/input_tokens": serveInputTokens,
  "POST /mcp": serveMcpServer,
  "POST /v1/messages": (call) => serveNamed(call, messageForm),
  "POST /v2/chat": (call) => serveNamed(call, cohereForm),
  "POST /v2/embed": serveEmbed,
  "POST /v2/rerank": serveRerank,
  "POST /v1/speech-to-text": serveSpeechToText,
  "GET /v1/auth/token": (call) => sendJson(call.open({}), 200, { api_key_id: "simulated", scopes: ["member"] }),
  "GET /v1beta/models": (call) =>
    sendJson(call.open({}), 200, { models: simulatedModels.map(({ name }) => ({ name: `models/${name}` })) }),
};

/** What is at a method and path. Throws a WireError 404 or 405 where nothing is. */
export function findEndpoint(method: string, path: string, query: string, headers: IncomingHttpHeaders): Serve {
  const key = `${method} ${path}`;
  if (key === "GET /v1/models" && headers["x-api-key"] !== undefined) return listForAnthropic;
  if (key === "GET /v1/models" && headers["xi-api-key"] !== undefined) return listForElevenLabs;
  const known = { ...endpoints, ...others };
  if (Object.hasOwn(known, key) && known[key]) return known[key];
  for (const [pattern, find] of modelPlaces) {
    const [, model, verb = ""] = pattern.exec(key) ?? [];
    if (model !== undefined) return find(decode(model), verb, query);
  }
  const ofDesk =
    findDeskEndpoint(key) ??
    findInlineEndpoint(key) ??
    findVideoEndpoint(key) ??
    findTuningEndpoint(key, query) ??
    findPredictionEndpoint(key, headers);
  if (ofDesk) return ofDesk;
  throw Object.keys(known).some((one) => one.endsWith(` ${path}`))
    ? new WireError(405, `Not allowed to ${method.slice(0, 16)} on ${path}.`, { code: "method_not_supported" })
    : new WireError(404, `Invalid URL (${method.slice(0, 16)} ${path.slice(0, 256)})`);
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badRequest(null, "The path is not encoded as it should be.");
  }
}

async function serveNamed(call: Call, form: typeof messageForm): Promise<void> {
  const body: { readonly model?: unknown; readonly stream?: unknown } = parseJsonObject(call.body);
  await serveForm(call, form, typeof body.model === "string" ? body.model : "", body.stream === true);
}

function serveConverse(model: string, verb: string): Serve {
  return (call) => serveForm(call, converseForm, model.replace(claudeOnBedrock, ""), verb === "converse-stream");
}

/** Claude on Bedrock in its own form: the path says whether it streams, and the body the version of its API. */
function serveInvoke(model: string, verb: string): Serve {
  return async (call) => {
    const body: { readonly anthropic_version?: unknown; readonly model?: unknown } = parseJsonObject(call.body);
    if (body.anthropic_version !== "bedrock-2023-05-31") throw badRequest(null, "anthropic_version: Field required");
    if (body.model !== undefined) throw badRequest(null, "model: Extra inputs are not permitted");
    await serveForm(call, invokeForm, model.replace(claudeOnBedrock, ""), verb !== "invoke");
  };
}

function serveContent(model: string, verb: string, query: string): Serve {
  const isStream = verb === "streamGenerateContent";
  if (isStream && new URLSearchParams(query).get("alt") !== "sse") {
    throw badRequest(null, "Streams are simulated as server-sent events only: ask with ?alt=sse.");
  }
  return (call) => serveForm(call, contentForm, model, isStream);
}

/** Claude on Vertex AI: the path names the model, and the body the version of its API. */
function serveRawPredict(model: string, verb: string): Serve {
  return async (call) => {
    const body: { readonly model?: unknown; readonly anthropic_version?: unknown } = parseJsonObject(call.body);
    if (body.anthropic_version !== "vertex-2023-10-16") throw badRequest(null, "anthropic_version: Field required");
    await serveForm(call, messageForm, model.replace(claude, ""), verb === "streamRawPredict");
  };
}

/** Azure's dated API: the path names the deployment, whatever the body says. */
function serveDeployment(deployment: string, endpoint: string, query: string): Serve {
  if (!/^\d{4}-\d\d-\d\d(-preview)?$/.test(new URLSearchParams(query).get("api-version") ?? "")) {
    throw new WireError(404, "Resource not found");
  }
  const serve = endpoints[`POST /v1${endpoint}`];
  if (!serve) throw new WireError(404, "Resource not found");
  return async (call) => {
    const body = Buffer.from(JSON.stringify({ ...parseJsonObject(call.body), model: deployment }));
    await serve({ ...call, body, directives: { "simulate.quirk": "azure", ...call.directives } });
  };
}

function listForElevenLabs(call: Call): Promise<void> {
  return sendJson(
    call.open({}),
    200,
    simulatedModels.map(({ name }) => ({ model_id: name, name })),
  );
}

async function listForAnthropic(call: Call): Promise<void> {
  const data = simulatedModels.map(({ name }) => ({
    ...{ type: "model", id: name, display_name: name, created_at: "2026-01-01T00:00:00Z" },
  }));
  const last = data.at(-1)?.id ?? null;
  await sendJson(call.open({}), 200, { data, has_more: false, first_id: data[0]?.id ?? null, last_id: last });
}
