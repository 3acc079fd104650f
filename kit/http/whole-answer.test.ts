import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import { startInBothPlaces } from "./http-test-server.ts";
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

for (const [place, { url }] of await startInBothPlaces({ after }, routes)) {
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
