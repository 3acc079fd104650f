import { generateKeyPairSync } from "node:crypto";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { startVendor, type Vendor } from "./start-vendor.ts";

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
/** The file of a service account; the address in it is nobody's. */
export const serviceAccount = JSON.stringify({
  ...{ type: "service_account", client_email: "a@p.iam.gserviceaccount.com", token_uri: "http://127.0.0.1:1/token" },
  private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
});

const answers: Readonly<Record<string, object>> = {
  "POST /token": { access_token: "ya29.lent", expires_in: 3_600, token_type: "Bearer" },
  "POST /v2/chat": {
    ...{
      id: "c",
      finish_reason: "COMPLETE",
      message: { role: "assistant", content: [{ type: "text", text: "Hello" }] },
    },
    usage: { billed_units: { input_tokens: 10, output_tokens: 4 }, tokens: { input_tokens: 90, output_tokens: 9 } },
  },
  "POST /v2/embed": { id: "e", embeddings: { float: [[0.5, 0.25]] }, meta: { billed_units: { input_tokens: 10 } } },
  "POST /v1/projects/p/locations/global/publishers/google/models/gemini-3-flash:generateContent": {
    candidates: [{ content: { role: "model", parts: [{ text: "Hello" }] }, index: 0, finishReason: "STOP" }],
    usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 4 },
  },
  "POST /v1/projects/p/locations/global/publishers/anthropic/models/claude-sonnet-4-6:rawPredict": {
    ...{ id: "m", type: "message", role: "assistant", model: "claude-sonnet-4-6", stop_reason: "end_turn" },
    ...{ content: [{ type: "text", text: "Hello" }], usage: { input_tokens: 10, output_tokens: 4 } },
  },
  "POST /openai/deployments/mine/chat/completions?api-version=2025-04-01-preview": {
    ...{ id: "a", object: "chat.completion", created: 1, model: "gpt-4o-2024-11-20" },
    choices: [{ index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 10, completion_tokens: 4, total_tokens: 14 },
  },
};

/** Cohere, Vertex AI with what lends its tokens, and Azure, as far as one answer goes. Whoever shows no key where each looks for it is refused. */
export function startClouds(t: TestScope): Promise<Vendor> {
  return startVendor(t, ({ path, headers }, res) => {
    const shown = path.includes("/openai/") ? headers["api-key"] : headers.authorization;
    const wanted = path.includes("/openai/") ? "a key" : path.includes("/v1/") ? "Bearer ya29.lent" : "Bearer a key";
    const answer = answers[path];
    const status = path !== "POST /token" && shown !== wanted ? 401 : answer ? 200 : 404;
    res.writeHead(status, { "content-type": "application/json" });
    res.end(JSON.stringify(status === 200 ? answer : { error: { message: "no" } }));
  });
}
