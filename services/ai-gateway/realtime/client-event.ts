import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { parseBody } from "../call/parse-body.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { Catalog } from "../catalog.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import { ownersOnly } from "../dialects/owners-only.ts";
import { isModelAllowed, type Target } from "../model.ts";
import { bytesOfBase64 } from "./sound-format.ts";

/** What of a client's event decides what it costs. */
export interface ClientEvent {
  readonly type: unknown;
  /** Goes to the provider in place of what came; undefined where that goes on as it is. */
  readonly rewritten: string | undefined;
  /** What it adds to what the model reads, in bytes: of sound, and of everything else, which has a token for each at most. */
  readonly soundBytes: number;
  readonly otherBytes: number;
  readonly images: number;
  /** What writes down the sounds of the client from now on: undefined for nothing, null where this does not say. */
  readonly transcriber: Target | undefined | null;
}

export interface ClientSession {
  readonly catalog: Pick<Catalog, "findOffer">;
  readonly caller: Caller;
  /** What the client calls the model. */
  readonly model: string;
  readonly target: Target;
}

type Json = Readonly<Record<string, unknown>>;

const deciding: ReadonlySet<unknown> = new Set(["session.update", "response.create"]);

/**
 * Reads an event of a client. Throws `invalid_json`, and `invalid_request` for what would be paid for at another price than the
 * session's model: another model, a transcription by one that has no price here, and what runs at the provider for its account's owner.
 */
export function readClientEvent(bytes: Buffer, session: ClientSession): ClientEvent {
  const json = parseBody(bytes);
  const { type } = json;
  if (type === "transcription_session.update") {
    throw refuseField(
      "type",
      "is of sessions that only transcribe, which are not offered",
      "属于仅转写的会话，此处不提供",
    );
  }
  const plain = { type, rewritten: undefined, soundBytes: 0, otherBytes: 0, images: 0, transcriber: null };
  // By far the most of them.
  if (type === "input_audio_buffer.append") return { ...plain, soundBytes: bytesOfBase64(json["audio"]) };
  const content = measureContent(json, bytes.length);
  if (!deciding.has(type)) return { ...plain, ...content };
  const field = type === "session.update" ? "session" : "response";
  const asked = json[field];
  // Written anew, so that no other reader finds another field in it than was checked.
  if (!isObject(asked)) return { ...plain, ...content, rewritten: JSON.stringify(json) };
  const { checked, transcriber } = checkSession(asked, field, session);
  return { ...plain, ...content, rewritten: JSON.stringify({ ...json, [field]: checked }), transcriber };
}

function checkSession(asked: Json, path: string, session: ClientSession) {
  const { model, target } = session;
  const { provider, model: served } = target;
  const own = asked["model"];
  if (own !== undefined && own !== null && own !== model) {
    throw refuseField(
      `${path}.model`,
      `must be '${model}', for which the session was opened`,
      `必须是建立会话时的“${model}”`,
    );
  }
  if (asked["type"] === "transcription") {
    throw refuseField(`${path}.type`, "must be realtime", "必须是 realtime");
  }
  if (!provider.serverTools) refuseServerSide(asked, path);
  const renamed = own === undefined || own === null ? asked : { ...asked, model: served.upstreamName };
  return path === "session" ? checkTranscription(renamed, session) : { checked: renamed, transcriber: null };
}

function refuseServerSide({ tools, prompt }: Json, path: string): void {
  for (const [index, tool] of (Array.isArray(tools) ? tools : []).entries()) {
    const type = fieldOf(tool, "type");
    if (type !== undefined && type !== "function") throw ownersOnly(`${path}.tools[${index}]`);
  }
  if (prompt !== undefined && prompt !== null) throw ownersOnly(`${path}.prompt`);
}

/** The model that is to write down what is said, where a session's settings name one. */
export function transcriberIn({ audio, input_audio_transcription: former }: Json): unknown {
  return fieldOf(fieldOf(fieldOf(audio, "input"), "transcription") ?? former, "model");
}

/** Both forms: `audio.input.transcription`, and `input_audio_transcription` as it was before. */
function checkTranscription(
  asked: Json,
  session: ClientSession,
): { checked: Json; transcriber: Target | undefined | null } {
  const { audio, input_audio_transcription: former } = asked;
  const input = fieldOf(audio, "input");
  const today = fieldOf(input, "transcription");
  if (today === undefined && former === undefined) return { checked: asked, transcriber: null };
  if (today !== undefined && former !== undefined) {
    throw refuseField(
      "session.input_audio_transcription",
      "cannot stand beside audio.input.transcription",
      "不能与 audio.input.transcription 同时出现",
    );
  }
  const wanted = today === undefined ? former : today;
  if (wanted === null) return { checked: asked, transcriber: undefined };
  const path = today === undefined ? "session.input_audio_transcription" : "session.audio.input.transcription";
  const transcriber = findTranscriber(fieldOf(wanted, "model"), `${path}.model`, session);
  const named = { ...(wanted as Json), model: transcriber.model.upstreamName };
  if (today === undefined) return { checked: { ...asked, input_audio_transcription: named }, transcriber };
  const changed = { ...(audio as Json), input: { ...(input as Json), transcription: named } };
  return { checked: { ...asked, audio: changed }, transcriber };
}

/** A model that the caller may use at the same provider: there it runs, and is paid for at its own price. */
function findTranscriber(model: unknown, path: string, { catalog, caller, target }: ClientSession): Target {
  const isAllowed = typeof model === "string" && isModelAllowed(caller.models, model);
  const offer = isAllowed ? catalog.findOffer(caller.tenantId, model) : undefined;
  const found = offer?.targets.find(({ provider }) => provider.providerId === target.provider.providerId);
  if (found) return found;
  throw refuseField(
    path,
    "must be a model of GET /v1/models that is at the same provider as the session's",
    "必须是 GET /v1/models 中与会话模型同一供应商的模型",
  );
}

/** Parts of an item's content are sounds, images or texts; whatever else an event holds is text. */
function measureContent(json: Json, totalBytes: number): Pick<ClientEvent, "soundBytes" | "otherBytes" | "images"> {
  const items = [json["item"], ...listOf(fieldOf(json["response"], "input"))];
  let soundBytes = 0;
  let images = 0;
  let apart = 0;
  for (const part of items.flatMap((item) => listOf(fieldOf(item, "content")))) {
    const audio = fieldOf(part, "audio");
    if (typeof audio === "string") {
      soundBytes += bytesOfBase64(audio);
      apart += audio.length;
    }
    const image = fieldOf(part, "image_url");
    if (image === undefined) continue;
    images++;
    if (typeof image === "string") apart += image.length;
  }
  return { soundBytes, images, otherBytes: Math.max(0, totalBytes - apart) };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
