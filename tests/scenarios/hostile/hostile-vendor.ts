import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Writable } from "node:stream";
import { brotliCompressSync } from "node:zlib";
import { systemClock } from "@lyss/kit/service/clock.ts";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { sendWord, toChunk } from "../raw-provider.ts";

/** A provider that does its callers harm, in the way that the last message of a chat names. */
export interface HostileVendor {
  readonly baseUrl: string;
  /** What it was sent, beside the bodies. */
  readonly heard: { readonly url: string; readonly headers: IncomingHttpHeaders }[];
}

/** Ways to answer; all others are answered with a word. */
export const harms = [
  "endless line",
  "endless body",
  "many fields",
  "endless field",
  "brotli bomb",
  "drip",
  "redirect",
];

/** Stops with the scope. `elsewhere` is where it redirects to. */
export async function startHostileVendor(t: TestScope, elsewhere: string): Promise<HostileVendor> {
  const heard: HostileVendor["heard"] = [];
  const bomb = brotliCompressSync(Buffer.alloc(64_000_000));
  const answers: Readonly<Record<string, (res: ServerResponse) => void>> = {
    "endless line": (res) => pour(res.writeHead(200, { "content-type": "text/event-stream" }), `data: {"x":"`),
    "endless body": (res) => pour(res.writeHead(200, { "content-type": "application/json" }), `{"x":"`),
    "many fields": (res) => void res.socket?.write(`HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(1_000_000)}\r\n`),
    "endless field": (res) => pour(res.socket, "HTTP/1.1 200 OK\r\nx: "),
    "brotli bomb": (res) =>
      void res.writeHead(200, { "content-type": "application/json", "content-encoding": "br" }).end(bomb),
    drip: (res) => drip(res.writeHead(200, { "content-type": "text/event-stream" })),
    redirect: (res) => void res.writeHead(307, { location: elsewhere }).end(),
  };
  const server = createServer((req, res) => {
    heard.push({ url: req.url ?? "", headers: req.headers });
    let body = "";
    res.on("error", () => {});
    req.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    req.on("end", () => {
      const { messages = [] } = JSON.parse(body || "{}");
      (answers[messages.at(-1)?.content] ?? sendWord)(res);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, heard };
}

const piece = Buffer.alloc(65_536, 0x78);

/** Writes for as long as somebody reads. */
function pour(to: Writable | null, start: string): void {
  to?.write(start);
  const more = () => {
    while (to && !to.destroyed && to.write(piece));
    if (to && !to.destroyed) to.once("drain", more);
  };
  more();
}

/** A word, then a byte again and again that ends nothing. */
function drip(res: ServerResponse): void {
  res.write(toChunk("word"));
  res.write("data: ");
  const more = () => {
    if (res.destroyed) return;
    res.write("x");
    systemClock.setTimer(20, more);
  };
  more();
}
