import { after } from "node:test";
import { describeOpenAiConformance } from "@lyss/services/ai-gateway/simulator/openai-conformance.ts";
import { runPlatform } from "../run-platform.ts";
import { describeResponses } from "./openai-responses.ts";

const { url, apiKey } = await runPlatform({ after });
const target = { baseUrl: `${url}/v1`, apiKey, stop: async () => undefined };

describeOpenAiConformance(
  "the official SDK against the gateway, with nothing but the base URL changed",
  async () => target,
);

describeResponses("OpenAI's Responses API, by the official SDK", target);
