import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { startVendor, type Vendor } from "./start-vendor.ts";

/** Google's API, as far as one answer goes: whole, or in two events. Whoever has another key is refused. */
export function startGoogle(t: TestScope): Promise<Vendor> {
  const head = { modelVersion: "gemini-3-flash", responseId: "r1" };
  const say = (text: string, more: object = {}) => ({
    content: { role: "model", parts: [{ text }] },
    index: 0,
    ...more,
  });
  const usageMetadata = { promptTokenCount: 10, candidatesTokenCount: 4, thoughtsTokenCount: 3, totalTokenCount: 17 };
  return startVendor(t, ({ path, headers, bytes }, res) => {
    const isKnown = headers["x-goog-api-key"] === "a key";
    const isStream = path.includes(":streamGenerateContent");
    res.writeHead(isKnown ? 200 : 403, { "content-type": isStream ? "text/event-stream" : "application/json" });
    if (!isKnown) return res.end(JSON.stringify({ error: { code: 403 } }));
    if (path.startsWith("GET")) return res.end(JSON.stringify({ models: [{ name: "models/gemini-3-flash" }] }));
    if (bytes.includes("blocked, please")) {
      const blocked = { ...head, promptFeedback: { blockReason: "SAFETY" }, usageMetadata: { promptTokenCount: 10 } };
      return res.end(isStream ? `data: ${JSON.stringify(blocked)}\r\n\r\n` : JSON.stringify(blocked));
    }
    const whole = { ...head, candidates: [say("Hello there", { finishReason: "STOP" })], usageMetadata };
    if (!isStream) return res.end(JSON.stringify(whole));
    const last = { ...whole, candidates: [say(" there", { finishReason: "STOP" })] };
    for (const event of [{ ...head, candidates: [say("Hello")] }, last])
      res.write(`data: ${JSON.stringify(event)}\r\n\r\n`);
    return res.end();
  });
}
