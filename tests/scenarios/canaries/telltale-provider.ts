import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";

/** What a provider does with a call: each says all that it was sent, wherever it can. */
export const tells = [
  ...["answer", "status-400", "status-401", "status-403", "status-404", "status-429", "status-500", "status-529"],
  ...["error-in-200", "html", "garbage", "redirect", "header", "reset", "event-error", "breaks-off", "hang"],
] as const;

/** A provider, of any dialect, that repeats in its errors the keys and prompts that it was sent. Stops with the scope. */
export async function startTelltale(t: TestScope): Promise<{ readonly origin: string; heard(): string }> {
  const all: string[] = [];
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    res.on("error", () => {});
    req.on("data", (chunk) => chunks.push(chunk));
    req.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      all.push(body);
      tell(req, body, res);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard: () => all.join("\n") };
}

function tell(req: IncomingMessage, body: string, res: ServerResponse): void {
  const how = tells.find((it) => body.includes(`tell-${it}`) || req.url?.includes(`tell-${it}`)) ?? "answer";
  const heard = `${req.url} ${JSON.stringify(req.headers)} ${body}`;
  const error = { error: { message: heard, type: heard.slice(0, 400), code: heard.slice(0, 400), param: heard } };
  const json = (status: number, said: object) =>
    res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(said));
  const events = (text: string) => res.writeHead(200, { "content-type": "text/event-stream" }).write(text);
  const status = Number(/^status-(\d+)/.exec(how)?.[1] ?? 0);
  if (status > 0) json(status, error);
  else if (how === "error-in-200") json(200, error);
  else if (how === "html") res.writeHead(502, { "content-type": "text/html" }).end(`<h1>${heard}</h1>`);
  else if (how === "garbage") res.writeHead(200, { "content-type": "application/json" }).end(`{"${heard}`);
  else if (how === "redirect") res.writeHead(307, { location: `/x?${encodeURIComponent(heard)}` }).end();
  else if (how === "header") {
    res.setHeader("x-request-id", req.headers.authorization ?? "none");
    res.setHeader("retry-after", req.headers.authorization ?? "none");
    json(503, error);
  } else if (how === "reset") res.socket?.resetAndDestroy();
  else if (how === "event-error") events(`data: ${JSON.stringify(error)}\n\n`) && res.end();
  else if (how === "breaks-off") {
    events(`data: ${JSON.stringify({ id: "x", choices: [{ index: 0, delta: { content: "one" } }] })}\n\n`);
    setImmediate(() => res.socket?.destroy());
  } else if (how === "answer") json(200, word);
  // `hang` says nothing, ever.
}

const word = {
  id: "x",
  choices: [{ index: 0, message: { role: "assistant", content: "word" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
};
