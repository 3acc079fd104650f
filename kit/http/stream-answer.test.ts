import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { startInBothPlaces } from "./http-test-server.ts";
import { routesFor } from "./route.ts";
import { StreamAnswer } from "./stream-answer.ts";

const { json } = routesFor<object>();
let goOn = Promise.withResolvers<void>();
let left = Promise.withResolvers<void>();
const routes = [
  json({
    ...{ method: "GET", path: "/v1/news", permission: "public", operation: "followNews" },
    summary: "News as they come, or the last of them.",
    query: z.strictObject({ how: z.enum(["last", "stream", "late", "cut"]) }),
    response: z.strictObject({ last: z.string() }),
    files: ["text/event-stream"],
    mayStream: true,
    handle(_ops, { query: { how } }) {
      if (how === "last") return { last: "b" };
      return new StreamAnswer(async (res) => {
        if (how === "late") throw new Failure(kitFailures.not_found, { method: "GET", path: "/v1/news" });
        res.writeHead(200, { "content-type": "text/event-stream" }).write("data: a\n\n");
        res.once("close", left.resolve);
        await goOn.promise;
        if (how === "cut") throw new Error("it broke off");
        res.end("data: b\n\n");
      });
    },
  }),
];

for (const [place, { url }] of await startInBothPlaces({ after }, routes)) {
  test(`a JSON route may answer piece by piece, and its client may leave, ${place}`, async () => {
    goOn = Promise.withResolvers();
    left = Promise.withResolvers();
    const whole = await fetch(`${url}/v1/news?how=last`);
    assert.deepEqual(await whole.json(), { last: "b" });
    const streamed = await fetch(`${url}/v1/news?how=stream`);
    assert.equal(streamed.headers.get("content-type"), "text/event-stream");
    const reader = streamed.body?.getReader();
    const { value } = (await reader?.read()) ?? {};
    assert.equal(Buffer.from(value ?? []).toString(), "data: a\n\n");
    goOn.resolve();
    const rest = await reader?.read();
    assert.equal(Buffer.from(rest?.value ?? []).toString(), "data: b\n\n");

    goOn = Promise.withResolvers();
    left = Promise.withResolvers();
    const leaving = new AbortController();
    await fetch(`${url}/v1/news?how=stream`, { signal: leaving.signal });
    leaving.abort();
    await left.promise;
    goOn.resolve();
  });

  test(`what fails before its first byte is a failure, and later cuts it, ${place}`, async () => {
    assert.equal((await fetch(`${url}/v1/news?how=late`)).status, 404);
    assert.equal((await fetch(`${url}/v1/news?how=stream`, { method: "HEAD" })).status, 200);
    assert.equal((await fetch(`${url}/v1/news?how=none`)).status, 400);
    goOn = Promise.withResolvers();
    const cut = await fetch(`${url}/v1/news?how=cut`);
    goOn.resolve();
    await assert.rejects(cut.text());
  });
}
