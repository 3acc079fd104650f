import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** What was said last, and what stands between `>` and `<` of it once more. */
function answerTo(body: string): string {
  const said = /SAY>(.*?)<END/.exec(body)?.[1] ?? "nothing";
  return `You wrote: ${said} -- done`;
}

const cut = (said: string) => said.match(/.{1,3}/gs) ?? [];
const sse = (json: object, type = "") => `${type && `event: ${type}\n`}data: ${JSON.stringify(json)}\n\n`;

const openAiUsage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
const geminiUsage = { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 };

function toWhole(url: string, said: string): object {
  if (url.includes("/messages")) {
    const message = { id: "msg_1", type: "message", role: "assistant", model: "claude", stop_reason: "end_turn" };
    return { ...message, content: [{ type: "text", text: said }], usage: { input_tokens: 10, output_tokens: 5 } };
  }
  if (url.includes("generateContent")) {
    const content = { role: "model", parts: [{ text: said }] };
    return { candidates: [{ content, finishReason: "STOP", index: 0 }], usageMetadata: geminiUsage };
  }
  const message = { role: "assistant", content: said };
  const choices = [{ index: 0, message, finish_reason: "stop" }];
  return { id: "x", object: "chat.completion", created: 1, model: "m", choices, usage: openAiUsage };
}

function toStream(url: string, said: string): string {
  if (url.includes("/messages")) {
    const message = { id: "msg_1", type: "message", role: "assistant", model: "claude", content: [] };
    const usage = { input_tokens: 10, output_tokens: 0 };
    const delta = { stop_reason: "end_turn", stop_sequence: null };
    return [
      sse({ type: "message_start", message: { ...message, usage } }, "message_start"),
      sse({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }, "content_block_start"),
      ...cut(said).map((it) =>
        sse({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: it } }, "content_block_delta"),
      ),
      sse({ type: "content_block_stop", index: 0 }, "content_block_stop"),
      sse({ type: "message_delta", delta, usage: { output_tokens: 5 } }, "message_delta"),
      sse({ type: "message_stop" }, "message_stop"),
    ].join("");
  }
  if (url.includes("GenerateContent")) {
    const chunk = (it: string, more: object = {}) =>
      sse({ candidates: [{ content: { role: "model", parts: [{ text: it }] }, index: 0, ...more }] });
    const last = {
      candidates: [{ content: { role: "model", parts: [{ text: "" }] }, finishReason: "STOP", index: 0 }],
    };
    return (
      cut(said)
        .map((it) => chunk(it))
        .join("") + sse({ ...last, usageMetadata: geminiUsage })
    );
  }
  const chunk = (fields: object) =>
    sse({ id: "x", object: "chat.completion.chunk", created: 1, model: "m", ...fields });
  return [
    ...cut(said).map((content) => chunk({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })),
    chunk({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }),
    chunk({ choices: [], usage: openAiUsage }),
    "data: [DONE]\n\n",
  ].join("");
}

/**
 * Three vendors in one, each path in its own dialect: whoever asks is told what it said between `SAY>` and `<END`. A stream in which
 * `HANG` is asked for never ends.
 */
export async function startThreeVendors(t: { after(work: () => void): void }) {
  /** What they were asked, as it came. */
  const asked: string[] = [];
  const vendor = createServer(async (req, res) => {
    const body = await text(req);
    asked.push(body);
    const url = req.url ?? "";
    const said = answerTo(body);
    const isStream = url.includes("stream") || /"stream":\s*true/.test(body);
    res.writeHead(200, { "content-type": isStream ? "text/event-stream" : "application/json" });
    const stream = isStream ? toStream(url, said) : "";
    // One that never ends: without the events that say so.
    if (body.includes("HANG")) res.write(`${stream.split("\n\n").slice(0, -4).join("\n\n")}\n\n`);
    else res.end(isStream ? stream : JSON.stringify(toWhole(url, said)));
  });
  vendor.listen(0, "127.0.0.1");
  await once(vendor, "listening");
  t.after(() => vendor.close());
  return { asked, url: `http://127.0.0.1:${(vendor.address() as AddressInfo).port}` };
}
