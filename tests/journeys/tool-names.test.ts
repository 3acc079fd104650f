import assert from "node:assert/strict";
import { after, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { FunctionCallingConfigMode, GoogleGenAI } from "@google/genai";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { vendorProviders } from "@lyss/services/ai-gateway/simulator/vendor-providers.ts";
import OpenAI from "openai";
import { runPlatform } from "../run-platform.ts";

// Each vendor of the simulated provider refuses names that its own API refuses.
const scope = closeInReverse({ after });
const simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey: "a-key" });
scope.after(simulator.stop);
const platform = await runPlatform(scope, {
  config: {
    aiGateway: { simulator: false },
    log: { level: "error" },
    providers: vendorProviders.map(({ name, dialect, path, modelPrefix, toSecret }) => ({
      ...{ name, dialect, baseUrl: `${simulator.url}${path}`, apiKey: toSecret("a-key") },
      models: [
        { name, upstreamName: `${modelPrefix}simulated-chat`, inputUsdPerMillion: "1", outputUsdPerMillion: "2" },
      ],
    })),
    routes: [
      {
        ...{ name: "mixed", strategy: "fallback" },
        targets: ["openai", "gemini"].map((name) => ({ provider: name, model: name })),
      },
    ],
  },
});
const { url, apiKey } = platform;
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: url, apiKey, maxRetries: 0 });
const google = new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url } });
const parameters = { type: "object" as const, properties: { city: { type: "string" } }, required: ["city"] };
/** Cohere cannot be told which tool is to be called. */
const namesNone = (model: string) => model === "cohere";
const wires = vendorProviders.map(({ name }) => name);
/** Names that chat's own vendors take nothing of, but some of the others something. */
const names = ["files.read", "天气", "mcp__weather__".padEnd(100, "x"), "2-fast", "a:b"];

for (const model of [...wires.filter((name) => name !== "openai" && name !== "azure"), "mixed"]) {
  test(`W18: a caller of chat has tools at ${model} by any name, called, streamed and answered`, async () => {
    for (const name of names) {
      const offered = [name, ...names.filter((other) => other !== name)];
      const tools = offered.map((one) => ({ type: "function" as const, function: { name: one, parameters } }));
      const request = {
        ...{ model, messages: [{ role: "user" as const, content: "How is it?" }], tools },
        tool_choice: namesNone(model) ? ("required" as const) : { type: "function" as const, function: { name } },
      };
      const whole = await openai.chat.completions.create(request);
      const streamed = await openai.chat.completions.stream(request).finalChatCompletion();
      for (const { choices } of [whole, streamed]) {
        const calls = choices[0]?.message.tool_calls ?? [];
        assert.deepEqual(
          calls.map((one) => one.type === "function" && one.function.name),
          [name],
        );
        const result = { role: "tool" as const, tool_call_id: calls[0]?.id ?? "", content: "rain" };
        const messages = [...request.messages, { role: "assistant" as const, tool_calls: calls }, result];
        const answered = await openai.chat.completions.create({ model, messages, tools });
        assert.equal(answered.choices[0]?.finish_reason, "stop");
      }
    }
  });
}

for (const model of wires.filter((name) => !name.includes("anthropic"))) {
  test(`W18: a caller of messages has tools at ${model} by names as long as Anthropic takes them`, async () => {
    const name = "mcp__weather__".padEnd(128, "x");
    const messages: Anthropic.MessageParam[] = [{ role: "user", content: "How is it?" }];
    const request = {
      ...{ model, max_tokens: 500, messages, tools: [{ name, input_schema: parameters }] },
      tool_choice: namesNone(model) ? { type: "any" as const } : { type: "tool" as const, name },
    };
    const whole = await anthropic.messages.create(request);
    const streamed = await anthropic.messages.stream(request).finalMessage();
    for (const { content } of [whole, streamed]) {
      const called = content.find((block) => block.type === "tool_use") ?? assert.fail("no call");
      assert.equal(called.name, name);
      const result = { type: "tool_result" as const, tool_use_id: called.id, content: "rain" };
      const turns: Anthropic.MessageParam[] = [
        ...messages,
        { role: "assistant", content: [called] },
        { role: "user", content: [result] },
      ];
      const { tool_choice: _choice, ...again } = { ...request, messages: turns };
      assert.equal((await anthropic.messages.create(again)).stop_reason, "end_turn");
    }
  });
}

for (const model of wires.filter((name) => name !== "gemini" && name !== "vertex")) {
  test(`W18: a caller of generateContent has tools at ${model} by names with points`, async () => {
    const name = "files.read";
    const asked = {
      model,
      contents: "How is it?",
      config: {
        tools: [{ functionDeclarations: [{ name, parametersJsonSchema: parameters }] }],
        toolConfig: {
          functionCallingConfig: {
            ...{ mode: FunctionCallingConfigMode.ANY, ...(!namesNone(model) && { allowedFunctionNames: [name] }) },
          },
        },
      },
    };
    const whole = await google.models.generateContent(asked);
    const streamed = await Array.fromAsync(await google.models.generateContentStream(asked));
    for (const answers of [[whole], streamed]) {
      assert.deepEqual(
        answers.flatMap(({ functionCalls = [] }) => functionCalls.map((call) => call.name)),
        [name],
      );
    }
  });

  test(`W18: a caller of responses has tools at ${model} by names with points`, async () => {
    const name = "files.read";
    const tools = [{ type: "function" as const, name, parameters, strict: false }];
    const choice = namesNone(model) ? ("required" as const) : { type: "function" as const, name };
    const request = { model, input: "How is it?", tools, tool_choice: choice };
    const isNative = model === "responses";
    if (isNative) return assert.rejects(openai.responses.create(request), { status: 400 });
    const whole = await openai.responses.create(request);
    const streamed = await openai.responses.stream(request).finalResponse();
    for (const { output } of [whole, streamed]) {
      const [called] = output.flatMap((item) => (item.type === "function_call" ? [item] : []));
      assert.ok(called, "a tool is called");
      assert.equal(called.name, name);
      const result = { type: "function_call_output" as const, call_id: called.call_id, output: "rain" };
      const again = await openai.responses.create({
        ...{ model, tools, input: [{ role: "user", content: "How is it?" }, called, result] },
      });
      assert.equal(again.status, "completed");
    }
  });
}

test("W18: a caller who speaks as all targets do has chosen names for them, and hears what they say of these", async () => {
  for (const model of ["openai", "azure"]) {
    const tools = [{ type: "function" as const, function: { name: "files.read", parameters } }];
    await assert.rejects(
      openai.chat.completions.create({ model, messages: [{ role: "user", content: "Hi" }], tools }),
      { status: 400 },
    );
  }
});
