import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { credential } from "./service.ts";

const { ops, listEvents } = await startTestService({ after }, credential, { clients: {} });
/** The bearer token is the caller: `<tenant>/<permissions>`. */
const server = await startTestServer({
  mounted: [{ name: "credential", routes: credential.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, permissions] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !permissions) return undefined;
    return { tenantId, userId: "usr_a", keyId: "", ...noSession, permissions: permissions.split(","), models: [] };
  },
});
after(() => server.close());

const call = (token: string, method: string, path: string, body?: unknown) =>
  server.call(token, method, `/api/v1/credentials${path}`, body);

const canary = "canary-7f3a9c1e5b2d4860-canary";
const input = { name: "openai", secret: canary, allowed_origins: ["https://api.openai.com"] };

test("a secret goes in, and no answer of any route or error gives it back", async () => {
  const texts: string[] = [];
  const send = async (...request: Parameters<typeof call>) => {
    const answer = await call(...request);
    texts.push(answer.text);
    return answer;
  };
  const all = "ten_rest/credential:*";
  const created = await send(all, "POST", "", input);
  assert.equal(created.status, 201);
  const { id, object, version, last_four, allowed_origins, status } = created.json;
  assert.deepEqual(
    { object, version, last_four, allowed_origins, status },
    { object: "credential", version: 1, last_four: "nary", allowed_origins: input.allowed_origins, status: "active" },
  );
  assert.deepEqual((await send(all, "GET", `/${id}`)).json, created.json);
  assert.equal((await send(all, "POST", `/${id}:rotate`, { secret: `${canary}2` })).json.version, 2);
  assert.equal((await send(all, "GET", "?limit=1")).json.data[0].id, id);
  assert.equal((await send(all, "DELETE", `/${id}`)).json.status, "revoked");
  assert.equal((await send(all, "POST", `/${id}:rotate`, { secret: canary })).status, 409);
  assert.equal((await send(all, "POST", "", { ...input, [canary.slice(0, 7)]: 1 })).status, 400);
  assert.equal(
    (await send(all, "POST", "", { ...input, allowed_origins: [`https://${canary}@x.example`] })).status,
    400,
  );
  assert.equal((await send(all, "POST", "", { ...input, secret: [canary] })).status, 400);
  assert.equal(texts.join("\n").includes(canary), false);
  assert.equal(JSON.stringify(server.logged).includes(canary), false);
});

test("each route asks for its permission, and another tenant's id is not found", async () => {
  const { json } = await call("ten_one/credential:create", "POST", "", input);
  const requests: readonly (readonly [permission: string, method: string, path: string, body?: unknown])[] = [
    ["credential:create", "POST", "", input],
    ["credential:read", "GET", ""],
    ["credential:read", "GET", `/${json.id}`],
    ["credential:rotate", "POST", `/${json.id}:rotate`, { secret: "sk-theirs" }],
    ["credential:delete", "DELETE", `/${json.id}`],
  ];
  for (const [permission, method, path, body] of requests) {
    const others = ["credential:create", "credential:read", "credential:rotate", "credential:delete"];
    const lacking = others.filter((other) => other !== permission).join();
    assert.equal((await call(`ten_two/${lacking}`, method, path, body)).status, 403, `${method} ${path}`);
    assert.equal((await call("", method, path, body)).status, 401, `${method} ${path}`);
    const foreign = await call(`ten_two/${permission}`, method, path, body);
    if (path !== "") assert.equal(foreign.status, 404, `${method} ${path}`);
  }
  assert.equal((await call("ten_one/credential:read", "GET", `/${json.id}`)).json.status, "active");
});

test("text that cannot be stored is refused as bad input, wherever it comes in", async () => {
  const all = "ten_text/credential:*";
  for (const bad of ["a\u0000b", "a\ud800b"]) {
    for (const field of ["name", "secret"]) {
      const { status, json } = await call(all, "POST", "", { ...input, [field]: bad });
      assert.deepEqual([status, json.error.details.field], [400, field]);
    }
    const cursor = Buffer.from(JSON.stringify([bad])).toString("base64url");
    assert.equal((await call(all, "GET", `?cursor=${cursor}`)).status, 400);
  }
  assert.equal((await call(all, "GET", "?cursor=%00")).status, 400);
  assert.equal((await call(all, "GET", "/%00")).status, 404);
});

test("each change of a credential says who made it", async () => {
  const all = "ten_told/credential:*";
  const { json } = await call(all, "POST", "", input);
  await call(all, "POST", `/${json.id}:rotate`, { secret: `${canary}2` });
  await call(all, "DELETE", `/${json.id}`);
  const said = (await listEvents()).filter(({ data }) => data["credentialId"] === json.id);
  assert.deepEqual(
    said.map(({ type, data }) => [type, data["actorId"]]),
    ["created", "rotated", "revoked"].map((act) => [`credential.${act}`, "usr_a"]),
  );
});
