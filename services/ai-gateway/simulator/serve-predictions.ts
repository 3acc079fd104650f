import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { delay } from "@lyss/kit/service/clock.ts";
import { z } from "zod";
import { type Answer, countShown, usageOf } from "./answer.ts";
import type { Call } from "./call.ts";
import { findSimulatedModel, type SimulatedModel, simulatedModels } from "./catalogue.ts";
import { answerChat, lastUserText } from "./chat.ts";
import { type Frame, sendFrames, sendJson, sendSimulatedError, waitAsAsked } from "./delivery.ts";
import { type Behaviour, parseBehaviour, waitLimitMs } from "./directives.ts";
import { createPicture } from "./picture.ts";
import type { Outcome } from "./predictions.ts";
import { parseChatRequest, parseJsonObject } from "./requests.ts";
import { countSimulatedTokens } from "./tokenizer.ts";
import { eventStream, onlyChoice } from "./vendor-form.ts";
import { WireError } from "./wire-error.ts";

type Serve = (call: Call) => Promise<void>;

const place = /^POST \/v1\/models\/[^/]{1,100}\/([^/]{1,100})\/predictions$/;
const known = /^(GET|POST) \/v1\/predictions\/([^/]{1,100})(\/cancel)?$/;
const stream = /^GET \/v1\/streams\/([^/]{1,100})$/;
/** Replicate holds a request for a minute. */
const maxHeldMs = 500;

const text = z.string();
const inputSchema = z.looseObject({
  prompt: text.optional(),
  messages: z.array(z.looseObject({ role: text, content: text })).optional(),
  ...{ system_prompt: text.optional(), system_instruction: text.optional() },
  ...{ image: text.optional(), images: z.array(text).optional(), image_input: z.array(text).optional() },
  ...{ max_tokens: z.int().min(1).optional(), max_completion_tokens: z.int().min(1).optional() },
  ...{ max_output_tokens: z.int().min(1).optional(), temperature: z.number().optional(), top_p: z.number().optional() },
  ...{ stop_sequences: text.optional(), seed: z.int().optional(), num_outputs: z.int().min(1).max(4).optional() },
});
type Input = z.output<typeof inputSchema>;

/** The only version of a model. */
export function versionOf(model: string): string {
  return createHash("sha256").update(model).digest("hex");
}

/** What stands at a method and path of Replicate's API; undefined where nothing does. */
export function findPredictionEndpoint(key: string, { prefer = "" }: IncomingHttpHeaders): Serve | undefined {
  if (key === "GET /v1/account") {
    return (call) => sendJson(call.open({}), 200, { type: "organization", username: "simulated", name: "Simulated" });
  }
  const [, model] = place.exec(key) ?? [];
  if (model !== undefined || key === "POST /v1/predictions") {
    return (call) => create(call, model, /\bwait\b/.test(String(prefer)));
  }
  const [, streamed] = stream.exec(key) ?? [];
  if (streamed !== undefined) return (call) => serveStream(call, streamed);
  const [, method, id, verb] = known.exec(key) ?? [];
  if (id === undefined || (method === "POST") !== (verb !== undefined)) return undefined;
  return async (call) => {
    const nowMs = call.clock.nowMs();
    if (verb !== undefined) call.desk.predictions.cancel(id, nowMs);
    await sendJson(call.open({}), 200, call.desk.predictions.show(id, nowMs));
  };
}

/** Without a name it is asked for by the version of a model. */
async function create(call: Call, name: string | undefined, isHeld: boolean): Promise<void> {
  const body: Readonly<Record<string, unknown>> = { ...parseJsonObject(call.body) };
  const { model, version } = name === undefined ? getVersioned(body["version"]) : { model: getNamed(name) };
  const parsed = inputSchema.safeParse(body["input"]);
  if (!parsed.success) {
    throw new WireError(422, z.prettifyError(parsed.error), {
      param: String(parsed.error.issues[0]?.path[0] ?? "input"),
    });
  }
  const input = parsed.data;
  const id = call.stamp.id;
  const isStream = body["stream"] === true;
  const [behaviour, outcome, answer] = model.kind === "image" ? draw(call, input) : write(call, input, model, isStream);
  const outlet = call.open(behaviour);
  if (behaviour.error) {
    await waitAsAsked(outlet);
    return sendSimulatedError(outlet, behaviour.error, call.toError);
  }
  if (behaviour.hang) await waitAsAsked(outlet);
  const startsMs = Math.min(waitLimitMs, behaviour.delay_ms ?? 0);
  const tokensMs = answer ? (behaviour.token_delay_ms ?? 0) * countShown(answer) : 0;
  const takesMs = Math.min(waitLimitMs - startsMs, tokensMs);
  const entry = { model: `simulated/${model.name}`, version, input, outcome, answer, behaviour, startsMs, takesMs };
  call.desk.predictions.create(id, { ...entry, createdAtMs: call.clock.nowMs() });
  if (isHeld) await delay(call.clock, Math.min(startsMs + takesMs, maxHeldMs), outlet.signal);
  await sendJson(outlet, 201, call.desk.predictions.show(id, call.clock.nowMs()));
  if (!isStream && !outlet.signal.aborted) outlet.onTokens(answer ? countShown(answer) : 0);
}

function getNamed(name: string): SimulatedModel {
  const model = findSimulatedModel(name);
  if (!model) throw new WireError(404, "The requested resource could not be found.");
  return model;
}

function getVersioned(version: unknown): { readonly model: SimulatedModel; readonly version: string } {
  const model = simulatedModels.find(({ name }) => versionOf(name) === version);
  if (!model) throw new WireError(422, "The specified version does not exist.", { code: "invalid_version" });
  return { model, version: versionOf(model.name) };
}

type Made = readonly [behaviour: Behaviour, outcome: Outcome, answer: Answer | undefined];

function write(call: Call, input: Input, model: Parameters<typeof answerChat>[1], isStream: boolean): Made {
  if (model.kind !== "chat") throw new WireError(404, "The requested resource could not be found.");
  const request = parseChatRequest(toChat(input, model.name));
  const behaviour = call.settle(parseBehaviour(call.directives, lastUserText(request.messages), {}));
  const answer = answerChat(request, model, behaviour, call.stamp);
  call.note({ model: model.name, isStream, promptTokens: answer.promptTokens });
  const choice = onlyChoice(answer);
  const { prompt_tokens: read, completion_tokens: written } = usageOf(answer, behaviour.usage);
  const metrics = { input_token_count: read, output_token_count: written };
  return [
    behaviour,
    {
      output: choice.pieces.flatMap((piece) => (piece.type === "text" ? [piece.text] : [])),
      metrics: behaviour.usage === "none" ? {} : metrics,
      error: choice.finishReason === "content_filter" ? flagged : undefined,
    },
    answer,
  ];
}

const flagged = "The input or output was flagged as sensitive. Please try again with different inputs. (E005)";

function draw(call: Call, { prompt = "", num_outputs: count = 1 }: Input): Made {
  const behaviour = call.settle(parseBehaviour(call.directives, prompt, {}));
  call.note({ model: "simulated-image", isStream: false, promptTokens: countSimulatedTokens(prompt) });
  const output = Array.from({ length: count }, (_, n) => {
    const picture = createPicture(`${prompt}\n${n}`, 64, 64).toString("base64");
    return `data:image/png;base64,${picture}`;
  });
  return [behaviour, { output, metrics: { image_count: count }, error: undefined }, undefined];
}

function toChat(input: Input, model: string): object {
  const system = input.system_prompt ?? input.system_instruction;
  const images = [input.image ?? [], input.images ?? [], input.image_input ?? []].flat();
  const parts = images.map((url) => ({ type: "image_url", image_url: { url } }));
  const { prompt, messages } = input;
  if (!messages && prompt === undefined) throw new WireError(422, "- input: prompt is required", { param: "prompt" });
  const said = parts.length === 0 ? prompt : [{ type: "text", text: prompt }, ...parts];
  const own = [...(system === undefined ? [] : [{ role: "system", content: system }]), { role: "user", content: said }];
  return {
    model,
    messages: messages ?? own,
    max_tokens: input.max_tokens ?? input.max_completion_tokens ?? input.max_output_tokens,
    ...{ temperature: input.temperature, top_p: input.top_p, seed: input.seed },
    ...(input.stop_sequences !== undefined && { stop: input.stop_sequences.split(",").slice(0, 4) }),
  };
}

/** docs: replicate.com/docs/topics/predictions/streaming. Whoever knows the address may read it: no key is asked for. */
async function serveStream(call: Call, id: string): Promise<void> {
  const { predictions } = call.desk;
  const { answer, behaviour, outcome } = predictions.find(id);
  if (!answer) throw new WireError(404, "The requested resource could not be found.");
  const outlet = call.open(behaviour);
  call.note({ model: answer.model, isStream: true, promptTokens: answer.promptTokens });
  await waitAsAsked(outlet);
  const write = (name: string, data: string, tokens = 0, isEnd = false): Frame => {
    const lines = data.split("\n").map((line) => `data: ${line}\n`);
    return { bytes: `event: ${name}\nid: ${call.stamp.created}:${tokens}\n${lines.join("")}\n`, tokens, isEnd };
  };
  function* toFrames(): Generator<Frame> {
    const reason = () => {
      if (predictions.isCanceled(id, call.clock.nowMs())) return { reason: "canceled" };
      return outcome.error === undefined ? {} : { reason: "error" };
    };
    if (outcome.error === undefined) for (const piece of outcome.output) yield write("output", piece, 1);
    else yield write("error", JSON.stringify({ detail: outcome.error }));
    yield write("done", JSON.stringify(reason()), 0, true);
  }
  const broken = 'event: error\ndata: {"detail":"Prediction failed for an unknown reason."}\n\n';
  await sendFrames(outlet, { contentType: eventStream, frames: toFrames(), error: broken });
}
