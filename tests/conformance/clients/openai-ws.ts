import assert from "node:assert/strict";
import { countSimulatedPrompt } from "@lyss/services/ai-gateway/simulator/tokenizer.ts";
import OpenAI from "openai";
import type { Response, ResponseCreateParams, ResponsesServerEvent } from "openai/resources/responses/responses";
import { ResponsesWS } from "openai/resources/responses/ws";
import { asked, type Client, citySchema, type Place } from "./client.ts";

const tools = [
  {
    ...{ type: "function" as const, name: "get_weather", description: "Weather of a city" },
    ...{ parameters: citySchema, strict: true },
  },
];

interface Connection {
  /** The response to a request, and the pieces in which its text came. */
  ask(request: ResponseCreateParams): Promise<{ readonly response: Response; readonly text: string }>;
  readonly socket: ResponsesWS;
}

/** Runs `work` on one connection of the SDK, and closes it. */
async function connected(place: Place, work: (connection: Connection) => Promise<void>): Promise<void> {
  const client = new OpenAI({ baseURL: `${place.url}/v1`, apiKey: place.apiKey, maxRetries: 0 });
  const socket = new ResponsesWS(client);
  const messages = socket.stream();
  async function ask(request: ResponseCreateParams) {
    socket.send({ type: "response.create", ...request });
    let text = "";
    for (;;) {
      const { value } = await messages.next();
      if (!value) assert.fail("the connection has ended");
      if (value.type === "error") throw value.error;
      if (value.type !== "message") continue;
      const event: ResponsesServerEvent = value.message;
      if (event.type === "response.output_text.delta") text += event.delta;
      if (event.type === "response.completed" || event.type === "response.failed") {
        return { response: event.response, text };
      }
    }
  }
  try {
    await work({ ask, socket });
  } finally {
    socket.close();
  }
}

function textOf({ output }: Response): string {
  const parts = output.flatMap((item) => (item.type === "message" ? item.content : []));
  return parts.map((part) => (part.type === "output_text" ? part.text : "")).join("");
}

/** `ResponsesWS` of the SDK: the Responses API over a WebSocket. What it asks for is always streamed. */
export const openAiResponsesWs: Client = {
  name: "responses, WebSocket",
  package: "openai",
  features: {
    stream: (place) =>
      connected(place, async ({ ask }) => {
        const { response, text } = await ask({ model: place.model, input: asked.text });
        assert.deepEqual([response.model, response.status, text], [place.model, "completed", textOf(response)]);
        assert.match(text, /This is a simulated answer/);
      }),
    // What is stored nowhere is gone on from all the same, on its connection.
    tools: (place) =>
      connected(place, async ({ ask }) => {
        const request = { model: place.model, tools, store: false };
        const { response } = await ask({ ...request, input: "Please get_weather" });
        const call = response.output.find(({ type }) => type === "function_call");
        assert.ok(call?.type === "function_call" && call.name === "get_weather");
        const input = [{ type: "function_call_output" as const, call_id: call.call_id, output: "rain" }];
        const next = await ask({ ...request, input, previous_response_id: response.id });
        assert.match(next.text, /get_weather returned: “rain”/);
      }),
    shape: (place) =>
      connected(place, async ({ ask }) => {
        const format = { type: "json_schema" as const, name: "place", strict: true, schema: citySchema };
        const { text } = await ask({ model: place.model, input: "Where?", text: { format } });
        assert.deepEqual(JSON.parse(text), { city: "simulated city" });
      }),
    usage: (place) =>
      connected(place, async ({ ask }) => {
        const { response } = await ask({ model: place.model, input: asked.text });
        const input = countSimulatedPrompt([{ role: "user", content: asked.text }]);
        assert.deepEqual([response.usage?.input_tokens, response.usage?.output_tokens], [input, 12]);
      }),
    error: (place) =>
      connected(place, async ({ ask }) => {
        const { code } = await ask({ model: place.model, input: asked.refused }).then(
          () => assert.fail("a 429 is no answer"),
          (err) => err.error.error,
        );
        assert.equal(code, "rate_limit_exceeded");
        // The connection is as it was.
        assert.equal((await ask({ model: place.model, input: asked.text })).response.status, "completed");
      }),
    abort: (place) =>
      connected(place, async ({ socket }) => {
        socket.send({ type: "response.create", model: place.model, input: asked.endless });
        for await (const { type, ...rest } of socket.stream()) {
          if (type === "message" && "message" in rest && rest.message.type === "response.output_text.delta") break;
        }
        socket.close();
        await place.untilLeft();
      }),
  },
};
