import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { readRequest } from "../call/read-request.ts";
import { describeDistorted } from "../dialects/describe-distorted.ts";
import { parseExact } from "../dialects/exact-json.ts";
import { type SseEvent, toEvent } from "../dialects/openai/sse.ts";
import { readServiceMode, readUsage } from "../dialects/openai/usage.ts";
import type { Model } from "../model.ts";
import type { Wire, WireDraft } from "./wire.ts";

type Json = Record<string, unknown>;

export const goldenFacts = { startedAtMs: 1_780_000_000_123, callId: "call_1", upstreamModel: "upstream" };

export function toSseEvent(json: unknown): SseEvent {
  return { raw: Buffer.alloc(0), data: JSON.stringify(json) };
}

/** What golden files try of a wire, by whose names its tests are called. */
export interface GoldenWire {
  readonly wire: Wire;
  readonly upstreamName: string;
  /** Folder of `requests.json`, `answers.json` and `streams.json`. */
  readonly folder: URL;
  /** A request that is read as it is, to which the refused ones add. */
  readonly refused: readonly (readonly [fields: object, param: string])[];
  /** Where a body has the limit of its answer. */
  limitOf(body: Json): unknown;
}

/** The tests that every wire passes: pairs of what is asked and sent, answered and told; and what is refused, by name. */
export function describeWire({ wire, upstreamName, folder, refused, limitOf }: GoldenWire): void {
  const model: Model = {
    ...{ name: "m", upstreamName, maxOutputTokens: 4_096, showsAllOutput: false },
    ...{ inputUsdPerMillion: undefined, cachedInputUsdPerMillion: undefined, outputUsdPerMillion: undefined },
  };
  const casesOf = (name: string) => parseExact(readFileSync(new URL(`${name}.json`, folder), "utf8")) as Json[];
  const draft = (asked: unknown): WireDraft =>
    wire.draft(readRequest("chat", Buffer.from(JSON.stringify(asked))), model);

  for (const { what, asked, endpoint, sent } of casesOf("requests")) {
    test(`what is asked: ${what}`, () => {
      const { endpoint: place, toBody } = draft(asked);
      assert.equal(place, endpoint);
      assert.equal(toBody(undefined).toString(), JSON.stringify(sent));
      assert.equal(limitOf(JSON.parse(toBody(7).toString())), 7);
    });
  }

  for (const { what, answered, chat, tokens } of casesOf("answers")) {
    test(`what is answered, in chat's form: ${what}`, () => {
      const { body, json } = wire.toAnswer(Buffer.alloc(0), answered, goldenFacts);
      assert.equal(body.toString(), JSON.stringify(chat));
      const { otherBuckets, ...counts } = readUsage(json) ?? assert.fail("no usage");
      const told = Object.entries({ ...counts, ...otherBuckets }).map(([name, count]) => [name, String(count)]);
      assert.deepEqual(Object.fromEntries(told), tokens);
      assert.equal(readServiceMode(json), (chat as Json)["service_tier"]);
    });
  }

  for (const { what, events, deltas, finish, usage } of casesOf("streams")) {
    test(`what is streamed, in chat's form: ${what}`, () => {
      const stream = wire.createStream(goldenFacts);
      // One that is no JSON alone is written as it comes.
      const toSse = (event: unknown) => (typeof event === "string" ? toEvent(Buffer.from(event)) : toSseEvent(event));
      const read = (events as unknown[]).flatMap((event) => stream.read(toSse(event)));
      const chunks = read.filter(({ data }) => data?.startsWith("{")).map(({ data = "" }) => JSON.parse(data));
      const shown = read.map(({ raw, data }) => {
        if (data === undefined) return raw.toString().trim();
        if (data === "[DONE]") return data;
        assert.equal(raw.toString(), `data: ${data}\n\n`);
        const { choices } = JSON.parse(data);
        return choices.length === 0 ? "usage" : choices[0].delta;
      });
      assert.deepEqual(shown, deltas);
      const finished = chunks.flatMap(({ choices: [choice] }) => choice?.finish_reason ?? []);
      assert.deepEqual(finished, [finish]);
      assert.deepEqual(chunks.at(-1).usage, usage);
      for (const { object, created } of chunks)
        assert.deepEqual([object, created], ["chat.completion.chunk", 1_780_000_000]);
    });
  }

  const wireName = `${folder.pathname.split("/").at(-3)}`;
  const fieldOfCases = (name: string, field: string) => casesOf(name).map((one) => one[field]);
  describeDistorted(`${wireName}, what is asked`, fieldOfCases("requests", "asked"), (asked) => {
    const { endpoint, toBody } = draft(asked);
    assert.equal(typeof endpoint, "string");
    assert.equal(typeof JSON.parse(toBody(7).toString()), "object");
  });
  describeDistorted(`${wireName}, what is answered`, fieldOfCases("answers", "answered"), (answered) => {
    const { body, json } = wire.toAnswer(Buffer.from(JSON.stringify(answered) ?? ""), answered, goldenFacts);
    assert.ok(Buffer.isBuffer(body));
    readUsage(json);
  });
  describeDistorted(`${wireName}, what is streamed`, fieldOfCases("streams", "events"), (events) => {
    const stream = wire.createStream(goldenFacts);
    for (const event of Array.isArray(events) ? events : []) {
      for (const { data } of stream.read(toSseEvent(event))) if (data?.startsWith("{")) JSON.parse(data);
    }
  });

  test("what there is no place for is refused before anything is sent, and the field is named", () => {
    for (const [fields, param] of refused) {
      assert.throws(
        () => draft({ model: "m", messages: [{ role: "user", content: "hi" }], ...fields }),
        (err) => isFailure(err) && err.details["param"] === param,
        param,
      );
    }
  });
}
