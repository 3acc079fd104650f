import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import type { AnswerGuard, AnswerWriter } from "../dialects/dialect.ts";
import { createAnswerGuard } from "./answer-guard.ts";
import type { answerForms } from "./answer-texts.ts";
import { compileRule, isAsking, type Rule } from "./compile-rule.ts";
import { createFindings } from "./findings.ts";
import { guardrailSchema } from "./guardrail.ts";
import type { Question, Verdict } from "./judge.ts";
import { createPlaceholders } from "./placeholders.ts";
import { changeTexts } from "./request-texts.ts";
import { filterText } from "./text-filter.ts";

type Json = Record<string, unknown>;
type Dialect = keyof typeof answerForms;

function ruleOf(spec: object): Rule {
  const updatedAt = new Date(0);
  return compileRule({
    tenantId: "t",
    name: "r",
    spec: guardrailSchema.parse(spec),
    credentialId: "",
    version: 1,
    updatedAt,
  });
}

function partsOf(rules: readonly Rule[], clock = createFakeClock()) {
  return { rules, findings: createFindings(clock), placeholders: createPlaceholders(Buffer.alloc(32)) };
}

/** Shows events as they came to it. */
const plain: AnswerWriter = {
  whole: (body) => body,
  event: ({ raw }) => raw,
  end: () => Buffer.alloc(0),
  fail: () => Buffer.alloc(0),
};

/** How a dialect's stream says pieces of a text, and then a tool's arguments in pieces, and how they are read again. */
const streams: Readonly<
  Record<Dialect, { write(text: string[], args: string[]): string[]; read(events: Json[]): readonly [string, string] }>
> = {
  chat: {
    write: (text, args) => [
      ...text.map((content) => sse({ id: "x", choices: [{ index: 0, delta: { content }, logprobs: null }] })),
      ...args.map((it, n) =>
        sse({
          id: "x",
          choices: [
            {
              index: 0,
              delta: { tool_calls: [{ index: 0, ...(n === 0 && { id: "c" }), function: { arguments: it } }] },
            },
          ],
        }),
      ),
      sse({ id: "x", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }),
    ],
    read: (events) =>
      readWith(events, ({ choices }) => {
        const [{ delta }] = choices as [{ delta: Json }];
        const call = (delta["tool_calls"] as Json[] | undefined)?.[0]?.["function"] as Json | undefined;
        return [delta["content"], call?.["arguments"]];
      }),
  },
  anthropic: {
    write: (text, args) => [
      ...text.map((it) => sse({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: it } })),
      sse({ type: "content_block_stop", index: 0 }),
      ...args.map((it) =>
        sse({ type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: it } }),
      ),
      sse({ type: "content_block_stop", index: 1 }),
    ],
    read: (events) => readWith(events, ({ delta }) => [(delta as Json)?.["text"], (delta as Json)?.["partial_json"]]),
  },
  gemini: {
    write: (text, args) => [
      ...text.map((it) => JSON.stringify({ candidates: [{ content: { parts: [{ text: it }] }, index: 0 }] })),
      JSON.stringify({
        candidates: [
          {
            content: { parts: [{ functionCall: { name: "f", args: JSON.parse(args.join("")) } }] },
            finishReason: "STOP",
            index: 0,
          },
        ],
      }),
    ],
    read: (events) =>
      readWith(events, ({ candidates }) => {
        const [{ content }] = candidates as [{ content: { parts: Json[] } }];
        const [part = {}] = content.parts;
        const args = (part["functionCall"] as Json | undefined)?.["args"];
        return [part["text"], args && JSON.stringify(args)];
      }),
  },
};

function sse(json: Json): string {
  return `${json["type"] ? `event: ${json["type"]}\n` : ""}data: ${JSON.stringify(json)}\n\n`;
}

function readWith(events: Json[], read: (event: Json) => readonly unknown[]): readonly [string, string] {
  const read2 = events.map(read);
  const join = (n: number) => read2.map((it) => it[n] ?? "").join("");
  return [join(0), join(1)];
}

function run(dialect: Dialect, parts: ReturnType<typeof partsOf>, events: readonly string[]): Json[] {
  const guard = createAnswerGuard({ ...parts, dialect, maxKeptLength: 100_000, asking: undefined });
  const out: string[] = [];
  const take = (bytes: Buffer | undefined) => bytes && out.push(bytes.toString("utf8"));
  for (const raw of events) take(writeTo(guard, raw));
  take(guard.end(plain));
  return readEvents(dialect, out);
}

function writeTo(guard: AnswerGuard, raw: string): Buffer | undefined {
  const data = /data: (.+)\n/.exec(raw)?.[1] ?? raw;
  return guard.write(plain, { raw: Buffer.from(raw), data }, JSON.parse(data));
}

function readEvents(dialect: Dialect, out: readonly string[]): Json[] {
  const jsons =
    dialect === "gemini"
      ? out.flatMap((it) => it.split(/(?<=\})(?=\{)/))
      : out.flatMap((it) => [...it.matchAll(/data: (.+)\n/g)].map(([, data]) => data ?? ""));
  return jsons.map((data) => JSON.parse(data));
}

test("W5: what was masked comes back in every dialect, wherever its stream is cut, and what is new is masked", async () => {
  const rules = [ruleOf({ kind: "pii", action: "mask" })];
  const parts = partsOf(rules);
  const said = 'Write "ann@example.com"\nor call 13800138000';
  const masked = await filterText({ ...parts, side: "request" }, said);
  assert.match(masked, /^Write "\[EMAIL_[0-9a-f]{8}\]"\nor call \[PHONE_[0-9a-f]{8}\]$/);
  assert.equal(await filterText({ ...partsOf(rules), side: "request" }, said), masked, "the same at the next call");
  const answer = `${masked} [EMAIL_00000000] bob@example.com。`;
  const shown = `${said} [EMAIL_00000000] [EMAIL]。`;
  const args = JSON.stringify({ to: masked, cc: ["bob@example.com"] });
  for (const dialect of ["chat", "anthropic", "gemini"] as const) {
    const { write, read } = streams[dialect];
    for (let cut = 1; cut < Math.max(answer.length, args.length); cut++) {
      const events = write([answer.slice(0, cut), answer.slice(cut)], [args.slice(0, cut), args.slice(cut)]);
      const [text, told] = read(run(dialect, parts, events));
      assert.equal(text, shown, `${dialect} cut at ${cut}`);
      assert.deepEqual(JSON.parse(told), { to: said, cc: ["[EMAIL]"] }, `${dialect} cut at ${cut}`);
    }
    const letters = read(run(dialect, parts, write([...answer], [...args])));
    assert.deepEqual([letters[0], JSON.parse(letters[1])], [shown, { to: said, cc: ["[EMAIL]"] }], dialect);
  }
});

test("for 200 seeds: a stream that is cut anywhere says what the whole text says", async () => {
  const rules = [
    ruleOf({ kind: "pii", action: "mask" }),
    ruleOf({ kind: "words", words: ["机密", "secret"], action: "mask" }),
    ruleOf({ kind: "patterns", patterns: ["b[ar]+z?", "\\d{3}-x"], action: "mask" }),
  ];
  const bits = [
    "ann@example.com ",
    "13800138000",
    "secret",
    "机密",
    "bar",
    "z",
    "123-",
    "x",
    " ",
    "4111 1111 1111 1111",
    "🙂",
    ". ",
  ];
  for (let seed = 0; seed < 200; seed++) {
    const random = createSeeded(seed);
    const text = Array.from({ length: random.between(1, 12) }, () => bits[random.between(0, bits.length - 1)]).join("");
    const whole = await filterText({ ...partsOf(rules), side: "answer" }, text);
    const pieces: string[] = [];
    for (let at = 0; at < text.length; ) {
      const end = at + random.between(1, 6);
      pieces.push(text.slice(at, end));
      at = end;
    }
    const { write, read } = streams.chat;
    assert.equal(read(run("chat", partsOf(rules), write(pieces, [])))[0], whole, `seed ${seed}: ${text}`);
  }
});

test("a rule that blocks ends a stream before what it blocks has begun to leave", () => {
  const parts = partsOf([ruleOf({ kind: "words", words: ["forbidden"], action: "block" })]);
  const guard = createAnswerGuard({ ...parts, dialect: "chat", maxKeptLength: 1_000, asking: undefined });
  let shown = "";
  const [first = "", second = "", third = ""] = streams.chat.write(["All is forb", "idden", " x"], []);
  const write = (raw: string) =>
    guard.write(plain, { raw: Buffer.from(raw), data: raw.slice(6) }, JSON.parse(raw.slice(6)));
  shown += write(first)?.toString();
  write(second);
  assert.throws(
    () => write(third),
    (err) => isFailure(err) && err.type.publicCode === "GATEWAY_079",
  );
  assert.match(shown, /"All is "/);
  assert.deepEqual(
    parts.findings.take().map(({ action, count }) => [action, count]),
    [["block", 1]],
  );
});

test("an answer that has to fulfil a schema is held until it does", () => {
  const schema = { type: "object", required: ["city"], properties: { city: { type: "string", pattern: "^[A-Z]" } } };
  const rule = (action: string) => ruleOf({ kind: "schema", schema, action });
  const good = streams.chat.write(['{"city":', '"Bern"}'], []);
  const parts = partsOf([rule("block")]);
  const guard = createAnswerGuard({ ...parts, dialect: "chat", maxKeptLength: 10_000, asking: undefined });
  for (const raw of good)
    assert.equal(
      guard.write(plain, { raw: Buffer.from(raw), data: raw.slice(6) }, JSON.parse(raw.slice(6))),
      undefined,
    );
  assert.match(guard.end(plain)?.toString() ?? "", /Bern/);
  for (const text of ["{}", '{"city":"bern"}', "Bern", '{"city":"Bern"']) {
    assert.throws(() => run("chat", partsOf([rule("block")]), streams.chat.write([text], [])), /guardrail/i, text);
    const flagged = partsOf([rule("flag")]);
    assert.equal(streams.chat.read(run("chat", flagged, streams.chat.write([text], [])))[0], text);
    assert.equal(flagged.findings.take()[0]?.action, "flag");
  }
});

test("a rule whose time is spent refuses the call, or lets it go on without", async () => {
  for (const on_error of ["closed", "open"] as const) {
    const clock = createFakeClock();
    const rule = ruleOf({ kind: "words", words: ["bad"], action: "mask", on_error, latency_budget_ms: 10 });
    const slow = {
      ...rule,
      detectors: rule.detectors.map((it) => ({
        scan(...given: Parameters<typeof it.scan>) {
          clock.advance(20);
          return it.scan(...given);
        },
      })),
    };
    const parts = partsOf([slow], clock);
    const text = `bad ${"x".repeat(9_000)} bad`;
    const passing = filterText({ ...parts, side: "request" }, text);
    if (on_error === "closed")
      await assert.rejects(passing, (err) => isFailure(err) && err.type.publicCode === "GATEWAY_080");
    else assert.match(await passing, /^\[WORD_[0-9a-f]{8}\] x+ bad$/);
    assert.ok(parts.findings.take().some(({ action }) => action === "error"));
  }
});

test("texts of requests are looked at in every dialect, and what names, points or proves is left as it is", () => {
  const seen: string[] = [];
  const request = {
    ...{ model: "@m", user: "@u", system: [{ type: "text", text: "@1" }], tools: [{ name: "@t", description: "@d" }] },
    messages: [
      { role: "user", content: "@2" },
      {
        role: "user",
        content: [
          { type: "text", text: "@3" },
          { type: "image_url", image_url: { url: "@x" } },
        ],
      },
      {
        role: "assistant",
        tool_calls: [{ id: "@x", function: { name: "@x", arguments: '{"name":"@4","n":[1,"@5"]}' } }],
      },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "@x", signature: "@x" },
          { type: "tool_use", id: "@x", name: "@x", input: { id: "@6" } },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "@x", content: "@7" },
          { type: "document", source: { type: "text", media_type: "@x", data: "@8" } },
        ],
      },
    ],
    contents: [
      {
        role: "user",
        parts: [
          { text: "@9" },
          { inlineData: { mimeType: "@x", data: "@x" } },
          { functionResponse: { name: "@x", response: { url: "@10" } } },
        ],
      },
    ],
    input: ["@11"],
  };
  const changed = changeTexts(request, (text) => {
    seen.push(text);
    return text.replace("@", "#");
  });
  assert.deepEqual(seen, ["@1", "@2", "@3", "@4", "@5", "@6", "@7", "@8", "@9", "@10", "@11"]);
  assert.equal(JSON.stringify(changed).match(/#/g)?.length, 11);
  assert.equal(
    changeTexts(request, (text) => text),
    request,
  );
});

/** A rule that asks, and who answers it: what it was asked is kept. */
function askingOf(parts: ReturnType<typeof partsOf>, more: object, answer: (texts: readonly string[]) => Verdict) {
  const rule = ruleOf({ kind: "webhook", url: "https://hook.example.com/", window_chars: 12, ...more });
  const caller = { ...noSession, tenantId: "t", userId: "", keyId: "k", permissions: [], models: [] };
  const questions: (readonly string[])[] = [];
  const judge = async (_: Rule, { texts }: Question) => {
    questions.push(texts);
    return answer(texts);
  };
  const call = { callId: "call_1", requestId: "req_1", caller, tags: "", model: "m" };
  return { questions, asking: { ...parts, rules: isAsking(rule) ? [rule] : [], side: "answer" as const, judge, call } };
}

async function runAsking(dialect: Dialect, parts: ReturnType<typeof askingOf>["asking"], events: readonly string[]) {
  const given = { ...partsOf([]), findings: parts.findings };
  const guard = createAnswerGuard({ ...given, dialect, maxKeptLength: 100_000, asking: parts });
  const { signal } = new AbortController();
  const out: string[] = [];
  for (const raw of events) {
    assert.equal(writeTo(guard, raw), undefined, "nothing leaves unjudged");
    out.push(String((await guard.judge?.(plain, false, signal)) ?? ""));
  }
  assert.equal(guard.end(plain), undefined);
  return readEvents(dialect, [...out, String((await guard.judge?.(plain, true, signal)) ?? "")].filter(Boolean));
}

const toRed = (texts: readonly string[]): Verdict => ({
  ...{ action: "replace", texts: texts.map((it) => it.replaceAll("blue", "red")) },
});

test("in every dialect a stream is asked about in windows, in order, and says what the verdicts have left of it", async () => {
  const said = "the blue sky over the blue sea, and nothing else";
  const args = { colour: "blue", big: 1 };
  for (const dialect of ["chat", "anthropic", "gemini"] as const) {
    const { write, read } = streams[dialect];
    const { asking, questions } = askingOf(partsOf([]), {}, toRed);
    const events = write(said.match(/.{1,5}/gs) ?? [], [
      JSON.stringify(args).slice(0, 9),
      JSON.stringify(args).slice(9),
    ]);
    const [text, told] = read(await runAsking(dialect, asking, events));
    assert.equal(text, said.replaceAll("blue", "red"), dialect);
    assert.deepEqual(JSON.parse(told), { ...args, colour: "red" }, dialect);
    assert.equal(questions.flat().join(""), said + JSON.stringify(args), dialect);
    assert.ok(questions.length > 3, dialect);
    const found = asking.findings.take().map(({ action, side, count }) => [action, side, count]);
    assert.deepEqual(found, [["mask", "answer", 3]], dialect);
  }
});

test("what replaces a tool's arguments is JSON, or there is no verdict; a rule that fails open is not asked again", async () => {
  const events = streams.chat.write(["some words of the answer"], ['{"a":1}']);
  const spoil = (texts: readonly string[]): Verdict => ({ action: "replace", texts: texts.map(() => "oops") });
  const closed = askingOf(partsOf([]), { on_error: "closed" }, spoil);
  await assert.rejects(
    runAsking("chat", closed.asking, events),
    (err) => isFailure(err) && err.type.publicCode === "GATEWAY_080",
  );
  const open = askingOf(partsOf([]), { on_error: "open" }, (texts) => spoil(texts));
  const [text, told] = streams.chat.read(await runAsking("chat", open.asking, events));
  assert.deepEqual([text, told], ["oops", '{"a":1}']);
  assert.deepEqual(
    open.asking.findings.take().map(({ action, reason }) => [action, reason]),
    [
      ["mask", undefined],
      ["error", "malformed"],
    ],
  );
});

test("questions of a call take no longer together than its budget", async () => {
  const clock = createFakeClock();
  const parts = partsOf([], clock);
  const { asking, questions } = askingOf(parts, { on_error: "open", latency_budget_ms: 100 }, () => {
    clock.advance(80);
    return { action: "allow" };
  });
  await runAsking("chat", asking, streams.chat.write(Array(10).fill("twelve chars"), []));
  assert.equal(questions.length, 2);
  assert.deepEqual(
    parts.findings.take().map(({ action, reason }) => [action, reason]),
    [["error", "timeout"]],
  );
});
