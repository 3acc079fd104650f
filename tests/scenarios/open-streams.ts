import { request } from "node:http";
import type { RunningPlatform } from "../run-platform.ts";

/** A streamed call as its caller sees it. */
export interface OpenStream {
  /** Resolves with the first bytes of the answer; rejects when there are none. */
  readonly begun: Promise<void>;
  /** Resolves at the end, however that came: everything received, and whether the connection broke. */
  readonly ended: Promise<{ readonly status: number; readonly text: string; readonly isBroken: boolean }>;
}

export interface StreamWish {
  readonly model?: string;
  /** Directives of the simulated provider (services/ai-gateway/simulator/README.md). */
  readonly directives: string;
}

/** Opens a streamed chat completion on a connection of its own. */
export function openStream({ url, apiKey }: RunningPlatform, { model, directives }: StreamWish): OpenStream {
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<Awaited<OpenStream["ended"]>>();
  const messages = [{ role: "user", content: directives }];
  const body = JSON.stringify({ model: model ?? "simulated-chat", stream: true, max_tokens: 100, messages });
  const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
  const req = request(`${url}/v1/chat/completions`, { method: "POST", headers, agent: false });
  let status = 0;
  let text = "";
  const end = (isBroken: boolean) => {
    begun.reject(new Error(`ended with ${status} before the first byte: ${text}`));
    ended.resolve({ status, text, isBroken });
  };
  begun.promise.catch(() => {});
  req.on("error", () => end(true));
  req.on("response", (res) => {
    status = res.statusCode ?? 0;
    res.setEncoding("utf8");
    res.on("data", (chunk: string) => {
      text += chunk;
      if (status === 200) begun.resolve();
    });
    res.on("end", () => end(false));
    res.on("error", () => end(true));
  });
  req.end(body);
  return { begun: begun.promise, ended: ended.promise };
}
