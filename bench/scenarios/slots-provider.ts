import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";

// A provider of a known capacity, as a program of its own:
//
//   node slots-provider.ts <slots> <service ms>
//
// It works on so many calls at a time, each for the time given, a fifth more or less; others wait with it, in order. GET /stats says how
// many it has answered and the most that were with it at a time. Prints "listening <port>". Ends on SIGTERM.

const [slots = 0, serviceMs = 0] = process.argv.slice(2).map(Number);
const random = createSeeded(1).next;
const waiting: ServerResponse[] = [];
let busy = 0;
let most = 0;
let answered = 0;

const answer = Buffer.from(
  JSON.stringify({
    ...{ id: "chatcmpl-1", object: "chat.completion", created: 1_767_225_600, model: "mock-model" },
    choices: [{ index: 0, message: { role: "assistant", content: "word" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 230, completion_tokens: 1, total_tokens: 231 },
  }),
);

function work(res: ServerResponse): void {
  busy++;
  systemClock.setTimer(serviceMs * (0.8 + 0.4 * random()), () => {
    busy--;
    answered++;
    res.end(answer);
    const next = waiting.shift();
    if (next) work(next);
  });
}

const server = createServer((req, res) => {
  req.resume().on("end", () => {
    res.writeHead(200, { "content-type": "application/json" });
    if (req.method === "GET") return res.end(JSON.stringify({ answered, most }));
    if (busy < slots) work(res);
    else waiting.push(res);
    most = Math.max(most, busy + waiting.length);
  });
});
server.listen(0, "127.0.0.1", () => console.log(`listening ${(server.address() as AddressInfo).port}`));
process.once("SIGTERM", () => process.exit(0));
