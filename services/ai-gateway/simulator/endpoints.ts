import type { Answer } from "./answer.ts";
import type { Call } from "./call.ts";
import { findSimulatedModel, type SimulatedModel, simulatedModels } from "./catalogue.ts";
import { answerChat, lastUserText, type Stamp } from "./chat.ts";
import { answerCompletion, promptsOf } from "./completion.ts";
import { sendJson, sendSimulatedError, sendStream, sendWhole, waitAsAsked } from "./delivery.ts";
import { type Behaviour, parseBehaviour } from "./directives.ts";
import { answerEmbedding } from "./embedding.ts";
import { draw, type MediaFields, readMediaForm, speak, transcribe } from "./media.ts";
import { answerModeration, textsOf } from "./moderation.ts";
import {
  parseChatRequest,
  parseCompletionRequest,
  parseEmbeddingRequest,
  parseJsonObject,
  parseModerationRequest,
  parseRerankRequest,
} from "./requests.ts";
import { answerRerank } from "./rerank.ts";
import { badRequest, WireError } from "./wire-error.ts";
import { chatForm, completionForm, type WireForm } from "./wire-form.ts";

/** What stands at each method and path. */
export const endpoints: Readonly<Record<string, (call: Call) => Promise<void>>> = {
  "POST /v1/chat/completions": serveChat,
  "POST /v1/completions": serveCompletion,
  "POST /v1/embeddings": serveEmbedding,
  "POST /v1/moderations": serveModeration,
  "POST /v1/rerank": serveRerank,
  "POST /v1/audio/speech": serveSpeech,
  "POST /v1/audio/transcriptions": serveTranscript,
  "POST /v1/audio/translations": serveTranscript,
  "POST /v1/images/generations": serveImages,
  "POST /v1/images/edits": serveImagesOfOthers,
  "POST /v1/images/variations": serveImagesOfOthers,
  "GET /v1/models": (call) =>
    sendJson(call.open({}), 200, { object: "list", data: simulatedModels.map(toModelObject) }),
};

/** `GET /v1/models/{name}`. */
export async function serveModel(call: Call, name: string): Promise<void> {
  await sendJson(call.open({}), 200, toModelObject(getModel(name)));
}

async function serveChat(call: Call): Promise<void> {
  const body = parseJsonObject(call.body);
  const model = getModelOf(body, "chat");
  const request = parseChatRequest(body);
  const asked = parseBehaviour(call.directives, lastUserText(request.messages), request.metadata ?? {});
  const behaviour = call.settle(asked);
  await respond(call, behaviour, request, chatForm, answerChat(request, model, behaviour, stamped(call, "chatcmpl")));
}

async function serveCompletion(call: Call): Promise<void> {
  const body = parseJsonObject(call.body);
  const model = getModelOf(body, "completion");
  const request = parseCompletionRequest(body);
  const asked = parseBehaviour(call.directives, promptsOf(request.prompt)[0] ?? "", request.metadata ?? {});
  const behaviour = call.settle(asked);
  const answer = answerCompletion(request, model, behaviour, stamped(call, "cmpl"));
  await respond(call, behaviour, request, completionForm, answer);
}

async function serveEmbedding(call: Call): Promise<void> {
  const body = parseJsonObject(call.body);
  const model = getModelOf(body, "embedding");
  const request = parseEmbeddingRequest(body);
  const first = [request.input].flat()[0];
  const asked = parseBehaviour(call.directives, typeof first === "string" ? first : "", request.metadata ?? {});
  const behaviour = call.settle(asked);
  const { usage, ...vectors } = answerEmbedding(request, model);
  call.note({ model: model.name, isStream: false, promptTokens: usage.prompt_tokens });
  const outlet = call.open(behaviour);
  await waitAsAsked(outlet);
  if (behaviour.error) return sendSimulatedError(outlet, behaviour.error);
  const zero = { prompt_tokens: 0, total_tokens: 0 };
  const reported = behaviour.usage === "none" ? {} : { usage: behaviour.usage === "zero" ? zero : usage };
  await sendJson(outlet, 200, { ...vectors, ...reported });
}

async function serveModeration(call: Call): Promise<void> {
  const body = parseJsonObject(call.body);
  const model = getModelOf(body, "moderation");
  const request = parseModerationRequest(body);
  const behaviour = call.settle(parseBehaviour(call.directives, textsOf(request).join("\n"), request.metadata ?? {}));
  const { promptTokens, ...answer } = answerModeration(request, model, stamped(call, "modr").id);
  await respondWhole(call, behaviour, { model: model.name, promptTokens }, answer);
}

/** `POST /v1/rerank`, and Cohere's `POST /v2/rerank`. */
export async function serveRerank(call: Call): Promise<void> {
  const body = parseJsonObject(call.body);
  const model = getModelOf(body, "rerank");
  const request = parseRerankRequest(body);
  const behaviour = call.settle(parseBehaviour(call.directives, request.query, request.metadata ?? {}));
  const { promptTokens, meta, ...answer } = answerRerank(request, model, stamped(call, "rerank").id);
  const reported = behaviour.usage === "none" ? {} : { meta };
  await respondWhole(call, behaviour, { model: model.name, promptTokens }, { ...answer, ...reported });
}

async function serveSpeech(call: Call): Promise<void> {
  const fields: MediaFields = { ...parseJsonObject(call.body) };
  await speak(call, getModelOf(fields, "speech").name, fields);
}

async function serveTranscript(call: Call): Promise<void> {
  const { fields, files } = readMediaForm(call);
  const [sound] = files;
  if (!sound) throw badRequest("file", "Missing required parameter: 'file'.");
  await transcribe(call, getModelOf(fields, "transcription").name, fields, sound);
}

async function serveImages(call: Call): Promise<void> {
  const fields: MediaFields = { ...parseJsonObject(call.body) };
  await draw(call, getModelOf(fields, "image").name, fields, 0);
}

async function serveImagesOfOthers(call: Call): Promise<void> {
  const { fields, files } = readMediaForm(call);
  if (files.length === 0) throw badRequest("image", "Missing required parameter: 'image'.");
  await draw(call, getModelOf(fields, "image").name, fields, files.length);
}

interface Noted {
  readonly model: string;
  readonly promptTokens: number;
}

async function respondWhole(call: Call, behaviour: Behaviour, noted: Noted, answer: object): Promise<void> {
  call.note({ ...noted, isStream: false });
  const outlet = call.open(behaviour);
  await waitAsAsked(outlet);
  if (behaviour.error) return sendSimulatedError(outlet, behaviour.error, call.toError);
  await sendJson(outlet, 200, answer);
}

interface Streamable {
  readonly stream?: boolean | null | undefined;
  readonly stream_options?: { readonly include_usage?: boolean | null | undefined } | null | undefined;
}

async function respond(call: Call, behaviour: Behaviour, request: Streamable, form: WireForm, answer: Answer) {
  call.note({ model: answer.model, isStream: request.stream === true, promptTokens: answer.promptTokens });
  const outlet = call.open(behaviour);
  await waitAsAsked(outlet);
  if (behaviour.error) return sendSimulatedError(outlet, behaviour.error);
  if (!request.stream) return sendWhole(outlet, answer, form);
  return sendStream(outlet, answer, form, request.stream_options?.include_usage === true);
}

function stamped(call: Call, prefix: string): Stamp {
  return { ...call.stamp, id: `${prefix}-${call.stamp.id}` };
}

export function getModelOf(body: { readonly model?: unknown }, kind: SimulatedModel["kind"]): SimulatedModel {
  if (typeof body.model !== "string" || body.model === "") throw badRequest(null, "you must provide a model parameter");
  const model = getModel(body.model);
  if (model.kind === kind) return model;
  const message = `This is a ${model.kind} model and thus not supported in this endpoint.`;
  throw new WireError(404, message, { param: "model" });
}

function getModel(name: string): SimulatedModel {
  const model = findSimulatedModel(name);
  if (model) return model;
  const message = `The model \`${name.slice(0, 64)}\` does not exist or you do not have access to it.`;
  throw new WireError(404, message, { code: "model_not_found" });
}

function toModelObject(model: SimulatedModel) {
  return { id: model.name, object: "model", created: 1_767_225_600, owned_by: "simulated" };
}
