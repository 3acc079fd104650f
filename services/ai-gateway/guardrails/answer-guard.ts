import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { AnswerGuard, AnswerWriter } from "../dialects/dialect.ts";
import { parseExact } from "../dialects/exact-json.ts";
import { type SseEvent, toEvent } from "../dialects/openai/sse.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import { type AnswerForm, type AnswerText, answerForms } from "./answer-texts.ts";
import { createAnswerWindow, type Piece } from "./answer-window.ts";
import { type Asking, askAboutAnswer } from "./ask-rules.ts";
import { changeAll, changeArguments } from "./request-texts.ts";
import { createTextFilter, type FilterParts, filterText, filterTextAtOnce, type TextFilter } from "./text-filter.ts";

type Json = Record<string, unknown>;

/** True for an answer that was made and is not given. */
export function isRefusedByGuard(err: unknown): boolean {
  return isFailure(err, aiGatewayFailures.guardrail_blocked) || isFailure(err, aiGatewayFailures.guardrail_failed);
}

export interface AnswerGuardParts extends Omit<FilterParts, "side"> {
  /** Whose form the answer has that its caller gets; `chat` for one that is translated. */
  readonly dialect: keyof typeof answerForms;
  /** A call that has to keep more of an answer than so many characters throws a RangeError. */
  readonly maxKeptLength: number;
  /** Rules that ask others; undefined for none. */
  readonly asking: Asking | undefined;
}

export function createAnswerGuard({ dialect, maxKeptLength, asking, ...given }: AnswerGuardParts): AnswerGuard {
  const form = answerForms[dialect];
  const parts: FilterParts = { ...given, side: "answer" };
  const { rules, findings } = given;
  const checks = rules.filter(({ checkAnswer }) => checkAnswer);
  /** An answer that may be refused as a whole does not begin to leave before it is. */
  const isHeld = checks.some(({ guardrail }) => guardrail.spec.action === "block");
  const stream = createStreamFilter(form, parts, rules.length > 0 || asking !== undefined);
  const window = asking && createAnswerWindow(form, asking);
  const said = new Map<number, string>();
  const held: Piece[] = [];
  let keptLength = 0;

  function keep(length: number): void {
    keptLength += length;
    if (keptLength > maxKeptLength) throw new RangeError("a streamed answer is too long to be looked at as a whole");
  }

  /** What chat says in content, which is what a schema is for. */
  function gather(json: unknown): void {
    const choices = fieldOf(json, "choices");
    for (const choice of Array.isArray(choices) ? choices : []) {
      const content =
        fieldOf(fieldOf(choice, "delta") ?? fieldOf(choice, "message"), "content") ?? fieldOf(choice, "text");
      if (typeof content !== "string" || content === "") continue;
      const index = Number(fieldOf(choice, "index") ?? 0);
      keep(content.length);
      said.set(index, (said.get(index) ?? "") + content);
    }
  }

  function check(): void {
    for (const rule of checks) {
      for (const text of said.values()) {
        const isGood = findings.spend(rule, "answer", () => rule.checkAnswer?.(text) ?? true);
        if (isGood === false) findings.note(rule, "answer");
      }
    }
  }

  const pass = (writer: AnswerWriter, pieces: readonly Piece[]): Buffer | undefined => {
    const bytes = pieces.flatMap(({ event, json }) => writer.event(event, json) ?? []);
    return bytes.length > 1 ? Buffer.concat(bytes) : bytes[0];
  };
  /** What waits for its verdict leaves later. */
  const passOrWait = (writer: AnswerWriter, pieces: readonly Piece[]): Buffer | undefined => {
    window?.add(pieces);
    return window ? undefined : pass(writer, pieces);
  };

  return {
    async whole(body, json, signal) {
      if (checks.length > 0) gather(json);
      const doc = parseExact(body.toString("utf8"));
      let isChanged = false;
      for (const text of form.textsOf(doc)) isChanged = (await changeWhole(parts, text)) || isChanged;
      check();
      if (asking) isChanged = (await askAboutAnswer(asking, form.textsOf(doc), new Map(), signal)) || isChanged;
      if (!isChanged) return { body, json };
      form.strip(doc);
      const changed = Buffer.from(JSON.stringify(doc));
      return { body: changed, json: dialect === "chat" ? JSON.parse(changed.toString("utf8")) : json };
    },
    write(writer, event, json) {
      if (checks.length > 0) gather(json);
      const pieces = toPieces(dialect, event, json, stream);
      if (!isHeld) return passOrWait(writer, pieces);
      for (const piece of pieces) keep(piece.event.raw.length);
      held.push(...pieces);
      return undefined;
    },
    end(writer) {
      const pieces = [...held, ...stream.end().map((it) => toPiece(dialect, it))];
      check();
      return passOrWait(writer, pieces);
    },
    ...(window && {
      async judge(writer, isEnd, signal) {
        if (!isEnd && !window.isFull) return undefined;
        return pass(writer, await window.judge((own, { json }) => toPiece(dialect, own, json), signal));
      },
    }),
  };
}

/** True where something changed. */
async function changeWhole(parts: FilterParts, { kind, value, set }: AnswerText): Promise<boolean> {
  const atOnce = (text: string) => filterTextAtOnce(parts, text);
  const changed =
    kind === "object"
      ? changeAll(value, atOnce)
      : kind === "arguments"
        ? changeArguments(String(value), atOnce)
        : await filterText(parts, String(value));
  if (changed === value) return false;
  set(changed);
  return true;
}

interface StreamFilter {
  /** Changes an event in its place, and gives those that go before it. True where it changed. */
  read(json: Json): { readonly before: readonly Json[]; readonly isChanged: boolean };
  end(): readonly Json[];
}

/** Arguments of tools are held until they are whole: their texts stand in JSON, where a cut may be anywhere. */
function createStreamFilter(form: AnswerForm, parts: FilterParts, hasRules: boolean): StreamFilter {
  const texts = new Map<string, TextFilter>();
  const calls = new Map<string, string>();
  let last: Json = {};

  const isOf = (owner: string, channel: string) => channel.startsWith(`${owner}/`);
  const changeTool = (text: string) => filterTextAtOnce(parts, text);

  /** Tells what is held back of channels: behind what this event itself says of them, or else in events that go before it. */
  function createTeller(found: readonly AnswerText[], before: Json[]) {
    return (channel: string, text: string) => {
      if (text === "") return;
      const own = found.findLast((it) => it.channel === channel && it.kind !== "object");
      if (own) own.set(String(own.current()) + text);
      else before.push(form.toEvent(channel, text, last));
    };
  }

  type Tell = ReturnType<typeof createTeller>;

  function settleTexts(isMeant: (channel: string) => boolean, tell: Tell): void {
    for (const [channel, filter] of texts) {
      if (!isMeant(channel)) continue;
      texts.delete(channel);
      tell(channel, filter.end());
    }
  }

  function settleCalls(isMeant: (channel: string) => boolean, tell: Tell): void {
    for (const [channel, text] of calls) {
      if (!isMeant(channel)) continue;
      calls.delete(channel);
      tell(channel, changeArguments(text, changeTool));
    }
  }

  function change({ channel, kind, value, set }: AnswerText): void {
    if (kind === "object") set(changeAll(value, changeTool));
    else if (kind === "arguments") {
      calls.set(channel, (calls.get(channel) ?? "") + value);
      set("");
    } else {
      const filter = texts.get(channel) ?? createTextFilter(parts);
      texts.set(channel, filter);
      set(filter.push(String(value)));
    }
  }

  return {
    read(json) {
      const found = form.textsOf(json);
      const before: Json[] = [];
      const tell = createTeller(found, before);
      last = json;
      for (const text of found) {
        const [owner = ""] = text.channel.split("/", 1);
        // What is said elsewhere comes after what was said here, also for whoever reads along.
        const goesOn = text.kind === "text" && text.value === "";
        if (!goesOn) settleTexts((channel) => channel !== text.channel && isOf(owner, channel), tell);
        change(text);
      }
      const ended = form.endsIn(json);
      const isEnded = (channel: string) => ended.some((owner) => isOf(owner, channel));
      if (ended.length > 0) {
        settleTexts(isEnded, tell);
        settleCalls(isEnded, tell);
      }
      if (found.length > 0 && hasRules) form.strip(json);
      return { before, isChanged: found.length > 0 };
    },
    end() {
      const events: Json[] = [];
      const tell = createTeller([], events);
      settleTexts(() => true, tell);
      settleCalls(() => true, tell);
      return events;
    },
  };
}

/** The events that an event of the provider is, with what chat's form has of each. */
function toPieces(
  dialect: keyof typeof answerForms,
  event: SseEvent,
  json: unknown,
  stream: StreamFilter,
): readonly Piece[] {
  const data =
    dialect === "chat" ? event.data : dialect === "gemini" ? event.raw.toString("utf8") : toEvent(event.raw).data;
  if (data === undefined || data === "" || data[0] !== "{") return [{ event, json, own: undefined }];
  const own = parseExact(data) as Json;
  const { before, isChanged } = stream.read(own);
  const pieces = before.map((it) => toPiece(dialect, it));
  return [...pieces, isChanged ? toPiece(dialect, own, json) : { event, json, own }];
}

/** `json` is what chat's form has of an event that another dialect's bytes are passed on of. */
function toPiece(dialect: keyof typeof answerForms, own: Json, json: unknown = {}): Piece {
  const data = JSON.stringify(own);
  if (dialect === "gemini") return { event: { raw: Buffer.from(data), data: "{}" }, json, own };
  if (dialect === "anthropic") {
    const raw = Buffer.from(`event: ${own["type"]}\ndata: ${data}\n\n`);
    return { event: { raw, data: "{}" }, json, own };
  }
  return { event: { raw: Buffer.from(`data: ${data}\n\n`), data }, json: JSON.parse(data), own };
}
