import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import { Secret } from "../config/secret.ts";
import { systemClock } from "../service/clock.ts";
import { createForwarder } from "./forward.ts";
import { createHttpServer } from "./http-server.ts";
import { startTestServer, testParts } from "./http-test-server.ts";
import { createPeerHttpHandler } from "./peer-handler.ts";
import { routesFor } from "./route.ts";
import { WholeAnswer } from "./whole-answer.ts";

const { json } = routesFor<object>();
const nothing = z.strictObject({});
const routes = [
  json({
    method: "GET",
    path: "/v1/leave",
    permission: "public",
    operation: "leave",
    summary: "Sends the client elsewhere.",
    response: nothing,
    handle: () => new WholeAnswer(302, { location: "https://elsewhere.test/", "set-cookie": ["a=b; HttpOnly", "c=d"] }),
  }),
  json({
    method: "POST",
    path: "/v1/Forms/{id}",
    permission: "public",
    operation: "postForm",
    summary: "Takes a form, and two headers.",
    params: z.strictObject({ id: z.string().max(64) }),
    body: z.strictObject({ name: z.string().max(8) }),
    bodyFormats: ["application/x-www-form-urlencoded"],
    reads: ["authorization", "cookie"],
    response: z.strictObject({ name: z.string(), headers: z.record(z.string(), z.string()) }),
    handle: (_ops, { body, headers }) => ({ name: body.name, headers: { ...headers } }),
  }),
  json({
    method: "POST",
    path: "/v1/plain",
    permission: "public",
    operation: "postPlain",
    summary: "Takes JSON only, and no headers.",
    body: z.strictObject({ name: z.string().max(8) }),
    response: z.strictObject({ count: z.int() }),
    handle: (_ops, { headers }) => ({ count: Object.keys(headers).length }),
  }),
];

const peerToken = new Secret("peer-token-of-this-test");
const peer = createPeerHttpHandler({
  ...testParts(),
  ...{ peerToken, mounted: [{ name: "forms", routes, ops: {}, peerUrl: undefined }] },
});
const peerServer = createHttpServer({ onRequest: peer.onRequest, clock: systemClock });
const peerUrl = `http://127.0.0.1:${await peerServer.listen({ host: "127.0.0.1", port: 0 })}`;
const forwarder = createForwarder({ peerToken, clock: systemClock });
const direct = await startTestServer({ mounted: [{ name: "forms", routes, ops: {}, peerUrl: undefined }] });
const behind = await startTestServer({
  mounted: [{ name: "forms", routes: routes.map((route) => route), ops: undefined, peerUrl }],
  forward: forwarder.forward,
});
after(async () => {
  await direct.close();
  await behind.close();
  forwarder.close();
  await peerServer.close(AbortSignal.abort());
  await peer.close();
});

for (const [place, { url }] of [
  ["in this process", direct],
  ["behind a peer", behind],
] as const) {
  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
      body,
    });

  test(`an answer may have a status and headers of its own, ${place}`, async () => {
    const { status, headers } = await fetch(`${url}/v1/leave`, { redirect: "manual" });
    assert.deepEqual(
      [status, headers.get("location"), headers.getSetCookie(), headers.get("cache-control")],
      [302, "https://elsewhere.test/", ["a=b; HttpOnly", "c=d"], "no-store"],
    );
  });

  test(`a route reads the headers that it declares, and no client can speak for a peer, ${place}`, async () => {
    const sent = { authorization: "Bearer of-theirs", cookie: "a=b", "lyss-client-authorization": "Bearer forged" };
    const answer = await post("/v1/Forms/x", "name=Ann+B", sent);
    const { authorization, cookie } = sent;
    assert.deepEqual(await answer.json(), { name: "Ann B", headers: { authorization, cookie } });
    const without = await post("/v1/Forms/x", "name=Ann", { "lyss-client-authorization": "Bearer forged" });
    assert.deepEqual(await without.json(), { name: "Ann", headers: {} });
    const plain = await post("/v1/plain", '{"name":"a"}', { ...sent, "content-type": "application/json" });
    assert.deepEqual(await plain.json(), { count: 0 });
  });

  test(`a form is taken where a route says so, each field once and known, ${place}`, async () => {
    assert.equal((await post("/v1/plain", "name=a")).status, 415);
    for (const bad of ["name=a&name=b", "other=a", "name=123456789", "__proto__=a", ""]) {
      assert.equal((await post("/v1/Forms/x", bad)).status, 400, bad);
    }
  });
}
