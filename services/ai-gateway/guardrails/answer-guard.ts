import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { AnswerGuard, AnswerWriter } from "../dialects/dialect.ts";
import { parseExact } from "../dialects/exact-json.ts";
import { type SseEvent, toEvent } from "../dialects/openai/sse.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import { type AnswerForm, type AnswerText, answerForms } from "./answer-texts.ts";
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
}

export function createAnswerGuard({ dialect, maxKeptLength, ...given }: AnswerGuardParts): AnswerGuard {
  const form = answerForms[dialect];
  const parts: FilterParts = { ...given, side: "answer" };
  const { rules, findings } = given;
  const checks = rules.filter(({ checkAnswer }) => checkAnswer);
  /** An answer that may be refused as a whole does not begin to leave before it is. */
  const isHeld = checks.some(({ guardrail }) => guardrail.spec.action === "block");
  const stream = createStreamFilter(form, parts, rules.length > 0);
  const said = new Map<number, string>();
  const held: (readonly [SseEvent, unknown])[] = [];
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

  const pass = (writer: AnswerWriter, events: readonly (readonly [SseEvent, unknown])[]): Buffer | undefined => {
    const pieces = events.flatMap(([event, json]) => writer.event(event, json) ?? []);
    return pieces.length > 1 ? Buffer.concat(pieces) : pieces[0];
  };

  return {
    async whole(body, json) {
      if (checks.length > 0) gather(json);
      const doc = parseExact(body.toString("utf8"));
      let isChanged = false;
      for (const text of form.textsOf(doc)) isChanged = (await changeWhole(parts, text)) || isChanged;
      check();
      if (!isChanged) return { body, json };
      form.strip(doc);
      const changed = Buffer.from(JSON.stringify(doc));
      return { body: changed, json: dialect === "chat" ? JSON.parse(changed.toString("utf8")) : json };
    },
    write(writer, event, json) {
      if (checks.length > 0) gather(json);
      const events = toEvents(dialect, event, json, stream);
      if (!isHeld) return pass(writer, events);
      for (const [one] of events) keep(one.raw.length);
      held.push(...events);
      return undefined;
    },
    end(writer) {
      const events = [...held, ...stream.end().map((it) => toSse(dialect, it))];
      check();
      return pass(writer, events);
    },
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
function toEvents(
  dialect: keyof typeof answerForms,
  event: SseEvent,
  json: unknown,
  stream: StreamFilter,
): (readonly [SseEvent, unknown])[] {
  const data =
    dialect === "chat" ? event.data : dialect === "gemini" ? event.raw.toString("utf8") : toEvent(event.raw).data;
  if (data === undefined || data === "" || data[0] !== "{") return [[event, json]];
  const own = parseExact(data) as Json;
  const { before, isChanged } = stream.read(own);
  const events = before.map((it) => toSse(dialect, it));
  if (!isChanged) return [...events, [event, json]];
  const [changed, shown] = toSse(dialect, own);
  return [...events, [changed, dialect === "chat" ? shown : json]];
}

function toSse(dialect: keyof typeof answerForms, json: Json): readonly [SseEvent, unknown] {
  const data = JSON.stringify(json);
  if (dialect === "gemini") return [{ raw: Buffer.from(data), data: "{}" }, {}];
  if (dialect === "anthropic") {
    return [{ raw: Buffer.from(`event: ${json["type"]}\ndata: ${data}\n\n`), data: "{}" }, {}];
  }
  return [{ raw: Buffer.from(`data: ${data}\n\n`), data }, JSON.parse(data)];
}
