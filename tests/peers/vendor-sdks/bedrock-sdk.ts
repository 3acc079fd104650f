import assert from "node:assert/strict";
import {
  BedrockRuntimeClient,
  type ContentBlock,
  ConverseCommand,
  type ConverseCommandInput,
  ConverseStreamCommand,
  type ConverseStreamOutput,
  type Message,
  ThrottlingException,
  type TokenUsage,
} from "@aws-sdk/client-bedrock-runtime";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { citySchema, image } from "../../conformance/clients/client.ts";
import { endWhenLeft } from "./end-when-left.ts";
import { type Asking, models, type Said, type Sdk } from "./sdk.ts";

type Input = ConverseCommandInput;
type Document = NonNullable<NonNullable<ContentBlock.ToolUseMember["toolUse"]>["input"]>;

function toInput({ text, mayCall, called, isShaped, showsImage }: Asking): Input {
  const bytes = new Uint8Array(Buffer.from(image, "base64"));
  const told: Message[] = called
    ? [
        {
          role: "assistant",
          content: [
            { toolUse: { toolUseId: called.id, name: called.name, input: JSON.parse(called.given) as Document } },
          ],
        },
        { role: "user", content: [{ toolResult: { toolUseId: called.id, content: [{ text: "rain" }] } }] },
      ]
    : [];
  const picture: ContentBlock[] = showsImage ? [{ image: { format: "png", source: { bytes } } }] : [];
  const jsonSchema = { name: "place", schema: JSON.stringify(citySchema) };
  return {
    ...{ modelId: models.chat, messages: [{ role: "user", content: [{ text }, ...picture] }, ...told] },
    ...(mayCall && {
      toolConfig: { tools: [{ toolSpec: { name: "get_weather", inputSchema: { json: { ...citySchema } } } }] },
    }),
    ...(isShaped && { outputConfig: { textFormat: { type: "json_schema", structure: { jsonSchema } } } }),
  };
}

function toTokens(usage: TokenUsage | undefined): Said["tokens"] {
  const { inputTokens: input, outputTokens: output } = usage ?? {};
  return input === undefined || output === undefined ? undefined : [input, output];
}

function fromBlocks(blocks: readonly ContentBlock[]): Said {
  return {
    text: blocks.map((block) => block.text ?? "").join(""),
    thought: blocks.map((block) => block.reasoningContent?.reasoningText?.text ?? "").join(""),
    calls: blocks.flatMap(({ toolUse }, index) =>
      toolUse
        ? [{ index, id: toolUse.toolUseId ?? "", name: toolUse.name ?? "", given: JSON.stringify(toolUse.input) }]
        : [],
    ),
  };
}

function fromEvent(event: ConverseStreamOutput): Said {
  const { contentBlockStart: start, contentBlockDelta: piece, messageStop, metadata } = event;
  if (start?.start?.toolUse) {
    const { toolUseId = "", name = "" } = start.start.toolUse;
    return { calls: [{ index: start.contentBlockIndex ?? 0, id: toolUseId, name }] };
  }
  if (piece?.delta) {
    const { text, toolUse, reasoningContent } = piece.delta;
    const calls = toolUse ? [{ index: piece.contentBlockIndex ?? 0, given: toolUse.input ?? "" }] : [];
    return { text, thought: reasoningContent?.text, calls };
  }
  if (messageStop) return { finish: messageStop.stopReason };
  return metadata ? { tokens: toTokens(metadata.usage) } : {};
}

/** Requests of AWS's own making: signed, and streams in its frames. */
function openBedrock(url: string, apiKey: string) {
  return new BedrockRuntimeClient({
    ...{ region: "us-east-1", endpoint: url, maxAttempts: 1 },
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: apiKey },
    // Its default speaks HTTP/2 alone, which AWS's own endpoints have beside HTTP/1.1.
    requestHandler: new NodeHttpHandler(),
  });
}

export const bedrock: Sdk = {
  ...{ package: "@aws-sdk/client-bedrock-runtime", name: "Bedrock, Converse", places: ["its vendor"] },
  words: { end: "end_turn", call: "tool_use", showsThoughts: true },
  open({ url, apiKey }) {
    const client = openBedrock(url, apiKey);
    return {
      async ask(asking) {
        const { output, stopReason, usage } = await client.send(new ConverseCommand(toInput(asking)));
        return { ...fromBlocks(output?.message?.content ?? []), finish: stopReason, tokens: toTokens(usage) };
      },
      async *stream(asking) {
        const command = new ConverseStreamCommand(toInput(asking));
        const events = endWhenLeft(async (abortSignal) => {
          const { stream } = await client.send(command, { abortSignal });
          assert.ok(stream);
          return stream;
        });
        for await (const event of events) yield fromEvent(event);
      },
    };
  },
  isTooMany: (err) => err instanceof ThrottlingException && err.$metadata.httpStatusCode === 429,
};
