import assert from "node:assert/strict";
import { after, test } from "node:test";
import { describeOpenAiConformance } from "@lyss/services/ai-gateway/simulator/openai-conformance.ts";
import OpenAI from "openai";
import { runLyss } from "../run-lyss.ts";
import { runPlatform } from "../run-platform.ts";
import { lineOf, toUpload } from "../scenarios/batch-world.ts";
import { describeBackgroundStreams } from "./openai-background.ts";
import { describeResponses } from "./openai-responses.ts";

const { url, apiKey } = await runPlatform({ after });
const target = { baseUrl: `${url}/v1`, apiKey, stop: async () => undefined };

describeOpenAiConformance(
  "the official SDK against the gateway, with nothing but the base URL changed",
  async () => target,
);

describeResponses("OpenAI's Responses API, by the official SDK", target);
describeBackgroundStreams("responses that are streamed in the background, by the official SDK", target);

test("W51: batches are listed, shown and ended by command", async () => {
  const client = new OpenAI({ baseURL: target.baseUrl, apiKey, maxRetries: 0 });
  const lines = [lineOf("a", "Hi. simulate.batch_ms=3600000"), lineOf("b", "Ho.")];
  const file = await client.files.create({ file: await toUpload(lines), purpose: "batch" });
  const asked = { endpoint: "/v1/chat/completions", completion_window: "24h" } as const;
  const { id } = await client.batches.create({ ...asked, input_file_id: file.id });
  const lyss = (...words: readonly string[]) => runLyss(["batch", ...words], { LYSS_URL: url, LYSS_API_KEY: apiKey });
  assert.match((await lyss("list", "--limit", "1")).output, new RegExp(`${id} +validating +simulated-chat +0 of 2 `));
  assert.match((await lyss("show", id)).output, new RegExp(`status +in_progress\n.*requests +${file.id}\n`, "s"));
  assert.match((await lyss("cancel", id)).output, /status +cancelled\n.*answered +1 of 2, 1 failed\n/s);
  assert.match((await lyss("cancel", id)).complaint, /has ended as cancelled/);
  assert.match((await lyss("get", "batch_x")).complaint, /no batch 'batch_x'/);
});
