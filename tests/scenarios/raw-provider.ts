import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";

/** A provider of one test's own, for what the simulated one does not do. */
export interface RawProvider {
  /** As it stands in the configuration, with one model of the provider's name. */
  readonly config: object;
}

/** Serves every call with `answer`. Stops with the scope. */
export async function startRawProvider(
  t: TestScope,
  name: string,
  answer: (res: ServerResponse, isStream: boolean, body: Readonly<Record<string, unknown>>) => void,
): Promise<RawProvider> {
  const server = createServer((req, res) => {
    let body = "";
    res.on("error", () => {});
    req.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    req.on("end", () => {
      const json = JSON.parse(body);
      answer(res, json.stream === true, json);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  const models = [{ name, inputUsdPerMillion: "0.15", outputUsdPerMillion: "0.60" }];
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return { config: { name, baseUrl, models } };
}

/** A chat completion of one word. */
export function sendWord(res: ServerResponse): void {
  const choices = [{ index: 0, message: { role: "assistant", content: "word" }, finish_reason: "stop" }];
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
  res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ id: "x", choices, usage }));
}

/** An event of a streamed chat completion with this text. */
export function toChunk(content: string): string {
  return `data: ${JSON.stringify({ id: "x", choices: [{ index: 0, delta: { content } }] })}\n\n`;
}
