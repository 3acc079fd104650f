import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI, { BadRequestError, NotFoundError } from "openai";
import type { ResponseStreamEvent } from "openai/resources/responses/responses";

const model = "simulated-chat";
const endings = new Set(["response.completed", "response.incomplete", "response.failed"]);

/** Reads a stream to its end, or leaves it when `isEnough`. */
export async function readEvents(
  stream: AsyncIterable<ResponseStreamEvent>,
  isEnough: (event: ResponseStreamEvent) => boolean = () => false,
): Promise<ResponseStreamEvent[]> {
  const events: ResponseStreamEvent[] = [];
  for await (const event of stream) {
    events.push(event);
    if (isEnough(event)) break;
  }
  return events;
}

export const isDelta = ({ type }: ResponseStreamEvent) => type === "response.output_text.delta";

/** The text of a stream's events. */
export function textOf(events: readonly ResponseStreamEvent[]): string {
  return events.map((event) => (event.type === "response.output_text.delta" ? event.delta : "")).join("");
}

/** The response that an event shows. */
function shownIn(event: ResponseStreamEvent | undefined) {
  assert.ok(event && "response" in event);
  return event.response;
}

/** What the official SDK must be able to do with responses that are streamed in the background. */
export function describeBackgroundStreams(
  label: string,
  target: { readonly baseUrl: string; readonly apiKey: string },
) {
  const client = new OpenAI({ baseURL: target.baseUrl, apiKey: target.apiKey, maxRetries: 0 });
  const begin = (input: string, options?: OpenAI.RequestOptions) =>
    client.responses.create({ model, input, background: true, stream: true }, options);

  describe(label, () => {
    test("a stream in the background is that of any response, behind its place in the queue", async () => {
      const events = await readEvents(await begin("Hello. simulate.tokens=30"));
      assert.deepEqual(
        events.map(({ sequence_number }) => sequence_number),
        [...events.keys()],
      );
      assert.deepEqual(
        events.slice(0, 4).map(({ type }) => type),
        ["response.created", "response.queued", "response.in_progress", "response.output_item.added"],
      );
      const first = shownIn(events[0]);
      assert.deepEqual([first.status, first.background], ["queued", true]);
      const ended = shownIn(events.at(-1));
      assert.deepEqual([events.at(-1)?.type, ended.status], ["response.completed", "completed"]);
      assert.equal(events.filter(({ type }) => endings.has(type)).length, 1);
      const kept = await client.responses.retrieve(first.id);
      assert.equal(kept.output_text, textOf(events));
      assert.deepEqual([kept.output, kept.usage], [ended.output, ended.usage]);
    });

    test("one who leaves takes it up where it was left, and hears the whole again", async () => {
      const input = "Go on. simulate.tokens=60 simulate.token_delay_ms=10";
      const seen = await readEvents(await begin(input), isDelta);
      const { id } = shownIn(seen[0]);
      const after = seen.at(-1)?.sequence_number ?? 0;
      const rest = await readEvents(await client.responses.retrieve(id, { stream: true, starting_after: after }));
      const all = await readEvents(await client.responses.retrieve(id, { stream: true }));
      assert.deepEqual([...seen, ...rest], all);
      assert.deepEqual(
        all.map(({ sequence_number }) => sequence_number),
        [...all.keys()],
      );
      assert.equal(all.filter(isDelta).length, 60);
      const again = await client.responses.stream({ response_id: id, starting_after: after }).finalResponse();
      assert.equal(again.output_text, textOf(all));
      const last = all.length - 1;
      const nothing = await client.responses.retrieve(id, { stream: true, starting_after: last });
      assert.deepEqual(await readEvents(nothing), []);
    });

    test("a cancelled one ends its stream, which says so each time", async () => {
      const stream = await begin("simulate.tokens=5000 simulate.token_delay_ms=20");
      const seen: ResponseStreamEvent[] = [];
      for await (const event of stream) {
        seen.push(event);
        if (isDelta(event) && seen.filter(isDelta).length === 1) {
          assert.equal((await client.responses.cancel(shownIn(seen[0]).id)).status, "cancelled");
        }
      }
      const ended = shownIn(seen.at(-1));
      assert.deepEqual([seen.at(-1)?.type, ended.status], ["response.incomplete", "cancelled"]);
      assert.deepEqual(await readEvents(await client.responses.retrieve(ended.id, { stream: true })), seen);
    });

    test("one that fails before its answer, or within it, ends with response.failed", async () => {
      for (const [input, code, deltas] of [
        ["simulate.error=503", "GATEWAY_010", 0],
        ["simulate.end_after_tokens=3", "GATEWAY_009", 3],
      ] as const) {
        const events = await readEvents(await begin(input));
        const ended = shownIn(events.at(-1));
        assert.deepEqual([events.at(-1)?.type, ended.status, ended.error?.code], ["response.failed", "failed", code]);
        assert.equal(events.filter(isDelta).length, deltas);
        const kept = await client.responses.retrieve(ended.id);
        assert.deepEqual([kept.status, kept.error?.code], ["failed", code]);
      }
    });

    test("tools are called, and an Idempotency-Key streams the first response again", async () => {
      const tool = { type: "function" as const, name: "get_time", parameters: { type: "object" }, strict: null };
      const request = { model, tools: [tool], input: "Please get time." };
      const how = { background: true, stream: true } as const;
      const options = { headers: { "idempotency-key": "streamed-once" } };
      const first = await readEvents(await client.responses.create({ ...request, ...how }, options));
      const call = shownIn(first.at(-1)).output.find(({ type }) => type === "function_call");
      assert.ok(call?.type === "function_call" && call.name === "get_time");
      assert.deepEqual(await readEvents(await client.responses.create({ ...request, ...how }, options)), first);
    });

    test("what cannot be streamed again, or from there, is refused by name", async () => {
      const refused = (param: string | undefined) => (err: unknown) =>
        err instanceof BadRequestError && (err.param ?? undefined) === param;
      const background = client.responses.create({ ...{ model, input: "x", store: false }, background: true });
      await assert.rejects(background, refused("store"));
      const whole = await client.responses.create({ model, input: "Whole." });
      const unstreamed = client.responses.retrieve(whole.id, { stream: true });
      await assert.rejects(unstreamed, (err) => err instanceof BadRequestError && err.code === "GATEWAY_152");
      const events = await readEvents(await begin("Short. simulate.tokens=2"));
      const { id } = shownIn(events[0]);
      for (const starting_after of [events.length, -1, 1.5, "x" as unknown as number]) {
        await assert.rejects(
          client.responses.retrieve(id, { stream: true, starting_after }),
          refused("starting_after"),
        );
      }
      await assert.rejects(client.responses.retrieve(id, { starting_after: 1 }), refused("starting_after"));
      await assert.rejects(client.responses.retrieve("resp_nobody", { stream: true }), NotFoundError);
      await client.responses.delete(id);
      await assert.rejects(client.responses.retrieve(id, { stream: true }), NotFoundError);
    });
  });
}
