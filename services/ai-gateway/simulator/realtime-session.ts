import { type Clock, delay } from "@lyss/kit/service/clock.ts";
import { WebSocket } from "ws";
import { fieldOf } from "../dialects/openai/usage.ts";
import type { SimulatedModel } from "./catalogue.ts";
import { type Behaviour, parseBehaviour } from "./directives.ts";
import { describeItem, type RealtimeItem, readItem, tokensIn } from "./realtime-items.ts";
import { answerOf, type RealtimeAnswer, responseEvents, usageOf } from "./realtime-response.ts";
import { WireError } from "./wire-error.ts";

export interface RealtimeSessionOptions {
  readonly socket: WebSocket;
  readonly clock: Clock;
  readonly model: SimulatedModel;
  readonly directives: Readonly<Record<string, string>>;
  readonly nextId: () => string;
}

type Json = Readonly<Record<string, unknown>>;

/** Of PCM, 16 bits at 24 kHz, and of µ-law and A-law. */
const pcmBytesPerSecond = 48_000;
const telephoneBytesPerSecond = 8_000;

interface Response {
  readonly id: string;
  readonly abort: AbortController;
}

/** One session of the simulated vendor: OpenAI's realtime API in its form of today, answered from fixed words. */
export function createRealtimeSession({ socket, clock, model, directives, nextId }: RealtimeSessionOptions): void {
  const items: RealtimeItem[] = [];
  let session: Json = {
    ...{ type: "realtime", object: "realtime.session", id: `sess_${nextId()}`, model: model.name },
    ...{ output_modalities: ["audio"], instructions: "", tools: [], tool_choice: "auto", max_output_tokens: "inf" },
    audio: { input: { format: { type: "audio/pcm", rate: 24_000 }, transcription: null, turn_detection: null } },
  };
  let heard: Buffer[] = [];
  let response: Response | undefined;
  const say = (event: Json) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ event_id: `event_${nextId()}`, ...event }));
  };

  const input = () => fieldOf(fieldOf(session, "audio"), "input");
  const bytesPerSecond = () =>
    /pcm[ua]/.test(String(fieldOf(fieldOf(input(), "format"), "type"))) ? telephoneBytesPerSecond : pcmBytesPerSecond;

  function add(item: RealtimeItem): void {
    const previous_item_id = items.at(-1)?.id ?? null;
    items.push(item);
    for (const type of ["conversation.item.added", "conversation.item.done"]) {
      say({ type, previous_item_id, item: describeItem(item) });
    }
  }

  /** The silence behind what was said is when a provider answers by itself. */
  function append({ audio }: Json): void {
    const bytes = Buffer.from(String(audio ?? ""), "base64");
    heard.push(bytes);
    const listens = fieldOf(fieldOf(input(), "turn_detection"), "type") === "server_vad";
    const isSilent = bytes.every((byte) => byte === 0);
    if (!listens || !isSilent || heard.every((one) => one.every((byte) => byte === 0))) return;
    say({ type: "input_audio_buffer.speech_started", audio_start_ms: 0, item_id: null });
    say({ type: "input_audio_buffer.speech_stopped", audio_end_ms: 0, item_id: null });
    commit();
    void respond({});
  }

  function commit(): void {
    const bytes = heard.reduce((sum, one) => sum + one.length, 0);
    if (bytes === 0)
      throw new WireError(400, "The input audio buffer is empty.", { code: "input_audio_buffer_commit_empty" });
    heard = [];
    const seconds = bytes / bytesPerSecond();
    const item: RealtimeItem = { id: `item_${nextId()}`, type: "message", role: "user", text: "", seconds };
    say({ type: "input_audio_buffer.committed", previous_item_id: items.at(-1)?.id ?? null, item_id: item.id });
    add(item);
    if (!fieldOf(input(), "transcription")) return;
    say({
      ...{ type: "conversation.item.input_audio_transcription.completed", item_id: item.id, content_index: 0 },
      transcript: `These are simulated words of ${Math.ceil(seconds)} s of sound.`,
      usage: { type: "duration", seconds },
    });
  }

  async function respond(asked: Json): Promise<void> {
    const isApart = asked["conversation"] === "none";
    const code = "conversation_already_has_active_response";
    if (response && !isApart) throw new WireError(400, "Conversation already has an active response.", { code });
    const read = isApart && Array.isArray(asked["input"]) ? asked["input"].map((one) => readItem(one, nextId)) : items;
    const metadata = (asked["metadata"] ?? {}) as Record<string, string>;
    const lastText = read.findLast(({ role }) => role === "user")?.text ?? "";
    const behaviour = parseBehaviour(directives, lastText, metadata);
    if (behaviour.error) throw new WireError(400, `Simulated: ${behaviour.error}.`, { code: behaviour.error });
    const own: Response = { id: `resp_${nextId()}`, abort: new AbortController() };
    if (!isApart) response = own;
    const answer = answerOf({ ...session, ...asked }, lastText, read, { model: model.name, behaviour });
    const about = { id: own.id, object: "realtime.response", conversation_id: isApart ? null : "conv_simulated" };
    say({ type: "response.created", response: { ...about, status: "in_progress", output: [], metadata, usage: null } });
    try {
      await deliver(own, answer, behaviour);
    } finally {
      if (response === own) response = undefined;
    }
    if (socket.readyState !== WebSocket.OPEN) return;
    const isCancelled = own.abort.signal.aborted;
    const item: RealtimeItem = {
      id: `item_${own.id}`,
      type: "message",
      role: "assistant",
      text: answer.text,
      seconds: answer.seconds,
    };
    if (!isApart && !isCancelled) items.push(item);
    const status = isCancelled ? "cancelled" : "completed";
    const usage = usageOf(
      tokensIn([{ ...item, text: String(session["instructions"]), seconds: 0 }, ...read.filter((one) => one !== item)]),
      answer,
      behaviour,
    );
    say({ type: "response.done", response: { ...about, status, output: [describeItem(item)], metadata, usage } });
  }

  async function deliver(
    { id, abort: { signal } }: Response,
    answer: RealtimeAnswer,
    behaviour: Behaviour,
  ): Promise<void> {
    if (behaviour.delay_ms) await delay(clock, behaviour.delay_ms, signal).catch(() => undefined);
    let sent = 0;
    for (const event of responseEvents(id, answer)) {
      if (signal.aborted) return;
      if (behaviour.stall_after_tokens !== undefined && sent >= behaviour.stall_after_tokens) {
        return void (await new Promise((resolve) => {
          socket.once("close", resolve);
          signal.addEventListener("abort", resolve, { once: true });
        }));
      }
      if (behaviour.cut_after_tokens !== undefined && sent >= behaviour.cut_after_tokens) {
        if (behaviour.close_code) socket.close(behaviour.close_code, "Simulated: closed as asked.");
        else socket.terminate();
        return;
      }
      if (behaviour.token_delay_ms && event.tokens > 0) {
        await delay(clock, behaviour.token_delay_ms, signal).catch(() => undefined);
      }
      say(event.json);
      sent += event.tokens;
    }
  }

  async function take(event: Json): Promise<void> {
    switch (event["type"]) {
      case "session.update":
        session = merge(session, (event["session"] ?? {}) as Json);
        return say({ type: "session.updated", session });
      case "input_audio_buffer.append":
        return append(event);
      case "input_audio_buffer.commit":
        return commit();
      case "input_audio_buffer.clear":
        heard = [];
        return say({ type: "input_audio_buffer.cleared" });
      case "conversation.item.create":
        return add(readItem(event["item"], nextId));
      case "conversation.item.delete": {
        const at = items.findIndex(({ id }) => id === event["item_id"]);
        if (at < 0) throw new WireError(400, "There is no such item.", { param: "item_id", code: "item_not_found" });
        items.splice(at, 1);
        return say({ type: "conversation.item.deleted", item_id: event["item_id"] });
      }
      case "response.create":
        return respond((event["response"] ?? {}) as Json);
      case "response.cancel":
        if (!response)
          throw new WireError(400, "There is no response to cancel.", { code: "response_cancel_not_active" });
        return response.abort.abort();
      default:
        throw new WireError(400, "There is no such event.", { param: "type", code: "invalid_value" });
    }
  }

  socket.on("message", (data) => {
    let event: Json = {};
    const fail = (err: unknown) => {
      const error = err instanceof WireError ? err.error : new WireError(400, "The event is not valid JSON.").error;
      say({ type: "error", error: { ...error, event_id: event["event_id"] ?? null } });
    };
    try {
      event = JSON.parse(String(data)) as Json;
      take(event).catch(fail);
    } catch (err) {
      fail(err);
    }
  });
  say({ type: "session.created", session });
}

/** What an update names takes the place of what was there, within objects too. */
function merge(before: Json, update: Json): Json {
  const merged: Record<string, unknown> = { ...before };
  for (const [name, value] of Object.entries(update)) {
    const known = merged[name];
    const isBoth = [known, value].every((one) => typeof one === "object" && one !== null && !Array.isArray(one));
    if (name !== "__proto__") merged[name] = isBoth ? merge(known as Json, value as Json) : value;
  }
  return merged;
}
