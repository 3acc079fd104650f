import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { toolFailures } from "@lyss/contracts/failures/ai-gateway-tools.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { createAddressGuard } from "@lyss/kit/http/address-guard.ts";
import { createGuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { findTokenEndpoint } from "./find-token-endpoint.ts";

/** Documents by path; what is not there is a 404. */
const documents = new Map<string, unknown>();
/** What the server says to whoever shows no token. */
let challenge: string | undefined;
const asked: string[] = [];
const server = createServer((req, res) => {
  const path = req.url ?? "";
  asked.push(path);
  if (req.method === "POST") {
    return void res.writeHead(401, challenge === undefined ? {} : { "www-authenticate": challenge }).end();
  }
  const found = documents.get(path);
  if (typeof found === "string") return void res.writeHead(302, { location: found }).end();
  res.writeHead(found ? 200 : 404, { "content-type": "application/json" }).end(JSON.stringify(found ?? {}));
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
after(() => server.close());
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const limits = { clock: systemClock, timeoutMs: 5_000, maxBytes: 65_536 };
const fetchAny = createGuardedFetch({ ...limits, guard: undefined });
const find = () => findTokenEndpoint(fetchAny, `${url}/mcp`);
const resourceAt = "/.well-known/oauth-protected-resource";

function begin(more: Readonly<Record<string, unknown>>, says?: string): void {
  documents.clear();
  asked.length = 0;
  challenge = says;
  for (const [path, document] of Object.entries(more)) documents.set(path, document);
}

const resource = { resource: `${url}/mcp`, authorization_servers: [`${url}/as`] };
const issued = { issuer: `${url}/as`, token_endpoint: `${url}/as/token` };

test("the token endpoint is found by what the server says of itself, wherever its authorization server has its metadata", async () => {
  const places = [
    "/.well-known/oauth-authorization-server/as",
    "/.well-known/openid-configuration/as",
    "/as/.well-known/openid-configuration",
  ];
  for (const place of places) {
    begin({ [`${resourceAt}/mcp`]: resource, [place]: issued });
    assert.deepEqual(await find(), { tokenUrl: `${url}/as/token`, tokenAuthMethod: "client_secret_basic" });
  }
  const posted = { ...issued, token_endpoint_auth_methods_supported: ["client_secret_post", "private_key_jwt"] };
  begin({ "/elsewhere": resource, [places[0] ?? ""]: posted }, `Bearer resource_metadata="${url}/elsewhere"`);
  assert.equal((await find()).tokenAuthMethod, "client_secret_post");
  begin({ [resourceAt]: { ...resource, resource: url }, [places[0] ?? ""]: issued });
  assert.equal((await find()).tokenUrl, `${url}/as/token`, "metadata of all that is there");
});

test("metadata of another server, of none, or behind a redirect gives no endpoint, and no address inside is asked for a tenant", async () => {
  const at = "/.well-known/oauth-authorization-server/as";
  for (const documents of [
    {},
    { [`${resourceAt}/mcp`]: { ...resource, resource: "https://other.example/mcp" }, [at]: issued },
    { [`${resourceAt}/mcp`]: { ...resource, resource: `${url}/mc` }, [at]: issued },
    { [`${resourceAt}/mcp`]: resource, [at]: { ...issued, issuer: `${url}/other` } },
    { [`${resourceAt}/mcp`]: resource, [at]: { ...issued, token_endpoint: "file:///etc/passwd" } },
    { [`${resourceAt}/mcp`]: "/there", "/there": resource, [at]: issued },
    { [`${resourceAt}/mcp`]: { ...resource, authorization_servers: "x" }, [at]: issued },
  ]) {
    begin(documents, "Bearer");
    await assert.rejects(find(), (err) => isFailure(err, toolFailures.token_endpoint_unknown));
  }
  begin({ [`${resourceAt}/mcp`]: resource, [at]: issued });
  const fetchPublic = createGuardedFetch({ ...limits, guard: createAddressGuard() });
  await assert.rejects(findTokenEndpoint(fetchPublic, `${url}/mcp`));
  assert.deepEqual(asked, []);
});
