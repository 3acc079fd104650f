import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { eachTopology } from "@lyss/kit/testing/each-topology.ts";
import { base64url, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import {
  createScope,
  newVerifier,
  publicUrl,
  type SignOnWorld,
  signOnServices,
  startSignOn,
  startUrl,
} from "./sign-on/world.ts";

const clientSecret = "a secret of the client, long enough";
const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
const stranger = await generateKeyPair("RS256", { extractable: true });
const jwk = { ...(await exportJWK(publicKey)), kid: "k1", alg: "RS256", use: "sig" };
const strangerJwk = await exportJWK(stranger.publicKey);
const nowSeconds = () =>
  Math.floor(Date.parse(new Date(performance.timeOrigin + performance.now()).toISOString()) / 1_000);

/** Answers of the token endpoint: the claims as they should be go in. */
type Forge = (claims: JWTPayload) => Promise<string | { readonly status: number; readonly body: string }>;
const sign = (claims: JWTPayload, header: object = {}, key = privateKey) =>
  new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: "k1", ...header }).sign(key);
const unsigned = (header: object, claims: JWTPayload) =>
  `${base64url.encode(JSON.stringify(header))}.${base64url.encode(JSON.stringify(claims))}.`;
const without = (claims: JWTPayload, name: string) => {
  const { [name]: _left, ...rest } = claims;
  return rest;
};
const hmac = (claims: JWTPayload, secret: string) =>
  new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(secret));

const forgeries: Readonly<Record<string, Forge>> = {
  "another nonce": (claims) => sign({ ...claims, nonce: "another" }),
  "no nonce": (claims) => sign(without(claims, "nonce")),
  "another audience": (claims) => sign({ ...claims, aud: "somebody" }),
  "no audience": (claims) => sign(without(claims, "aud")),
  "two audiences and no authorized party": (claims) => sign({ ...claims, aud: ["lyss", "somebody"] }),
  "another authorized party": (claims) => sign({ ...claims, aud: ["lyss", "somebody"], azp: "somebody" }),
  "another issuer": (claims) => sign({ ...claims, iss: "https://evil.example.com" }),
  expired: (claims) => sign({ ...claims, exp: nowSeconds() - 3_600, iat: nowSeconds() - 7_200 }),
  "no expiry": (claims) => sign(without(claims, "exp")),
  "not valid yet": (claims) => sign({ ...claims, nbf: nowSeconds() + 3_600 }),
  "alg none": async (claims) => unsigned({ alg: "none" }, claims),
  "alg None with a kid": async (claims) => unsigned({ alg: "None", kid: "k1" }, claims),
  "HMAC by the client's secret": (claims) => hmac(claims, clientSecret),
  "HMAC by the public key": (claims) => hmac(claims, JSON.stringify(jwk)),
  "signed by a stranger": (claims) => sign(claims, {}, stranger.privateKey),
  "signed by a stranger, whose key comes along": (claims) => sign(claims, { jwk: strangerJwk }, stranger.privateKey),
  "signed by a stranger, whose keys are elsewhere": (claims) =>
    sign(claims, { jku: "https://evil.example.com/jwks" }, stranger.privateKey),
  "a key that nobody has": (claims) => sign(claims, { kid: "k2" }),
  "a critical extension": (claims) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: "RS256", kid: "k1", crit: ["ours"], ours: 1 })
      .sign(privateKey, { crit: { ours: true } }),
  "cut off": async (claims) => (await sign(claims)).slice(0, -20),
  "other claims under the signature": async (claims) => {
    const [header = "", , signature = ""] = (await sign(claims)).split(".");
    return `${header}.${base64url.encode(JSON.stringify({ ...claims, sub: "admin" }))}.${signature}`;
  },
  "no subject": (claims) => sign(without(claims, "sub")),
  "an empty subject": (claims) => sign({ ...claims, sub: "" }),
  "a subject that is too long": (claims) => sign({ ...claims, sub: "a".repeat(256) }),
  "no token": async () => ({ status: 200, body: JSON.stringify({ access_token: "a", token_type: "bearer" }) }),
  "not a token": async () => "not.a.token",
  "a page": async () => ({ status: 200, body: "<html>" }),
  "an error of the provider's": async () => ({ status: 500, body: "oops" }),
  "a code that is not good": async () => ({ status: 400, body: '{"error":"invalid_grant"}' }),
  "an answer without end": async () => ({ status: 200, body: `{"a":"${"x".repeat(2_000_000)}"}` }),
};

eachTopology("I14 RP: a provider that lies", { services: signOnServices }, (topology) => {
  const scope = createScope();
  after(scope.end);
  let world: SignOnWorld;
  let issuer = "";
  let connectionId = "";
  let forge: Forge = (claims) => sign(claims);
  let claims: JWTPayload = {};

  before(async () => {
    world = await startSignOn(topology, scope);
    const server = createServer((req, res) => {
      const answer = (body: unknown) => res.setHeader("content-type", "application/json").end(JSON.stringify(body));
      if (req.url === "/jwks") return void answer({ keys: [jwk] });
      if (req.url !== "/token") {
        return void answer({
          ...{
            issuer,
            authorization_endpoint: `${issuer}/auth`,
            token_endpoint: `${issuer}/token`,
            jwks_uri: `${issuer}/jwks`,
          },
          ...{ response_types_supported: ["code"], subject_types_supported: ["public"] },
          id_token_signing_alg_values_supported: ["RS256", "HS256", "none"],
          authorization_response_iss_parameter_supported: true,
        });
      }
      req.resume();
      void forge(claims).then((forged) => {
        if (typeof forged === "object")
          return res.writeHead(forged.status, { "content-type": "application/json" }).end(forged.body);
        return answer({ access_token: "a", token_type: "bearer", id_token: forged });
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    scope.after(async () => {
      server.closeAllConnections();
      server.close();
    });
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { tenantId } = await world.newTenant();
    const party = { kind: "oidc", name: "Liar", issuer, client_id: "lyss", client_secret: clientSecret };
    connectionId = await world.connect(tenantId, { ...party, create_people: true });
  });

  /** Begins, and comes back with what the provider is said to have sent. */
  async function comeBack(more: Readonly<Record<string, string>> = { code: "c" }, iss: string | undefined = issuer) {
    const browser = world.newBrowser();
    const begun = await browser.send(startUrl(connectionId, newVerifier().challenge));
    const sent = new URL(begun.headers.get("location") ?? "").searchParams;
    const [iat, exp] = [nowSeconds(), nowSeconds() + 300];
    claims = {
      ...{ iss: issuer, aud: "lyss", sub: "ann", email: "liar@example.com", iat, exp },
      nonce: sent.get("nonce"),
    };
    const query = new URLSearchParams({ ...more, state: sent.get("state") ?? "", ...(iss !== "" && { iss }) });
    return browser.send(`${publicUrl}/api/v1/sso/${connectionId}/callback?${query}`);
  }

  test("I14 RP one that tells the truth is believed, so that the others fail for what they are", async () => {
    forge = (truth) => sign(truth);
    const answer = await comeBack();
    assert.equal(answer.status, 302, await answer.text());
  });

  test("I14 RP no forged, altered, misdirected or late word lets anybody in, and each is told as what it is", async () => {
    for (const [name, forged] of Object.entries(forgeries)) {
      forge = forged;
      const answer = await comeBack();
      const text = await answer.text();
      assert.ok([403, 503].includes(answer.status), `${name}: ${answer.status} ${text}`);
      assert.ok(["SSO_007", "SSO_010"].includes(JSON.parse(text).error.code), `${name}: ${text}`);
    }
    forge = (truth) => sign(truth);
    for (const [name, iss] of [
      ["another", "https://evil.example.com"],
      ["none", ""],
    ] as const) {
      const answer = await comeBack({ code: "c" }, iss);
      assert.equal(answer.status, 403, `${name}: ${await answer.text()}`);
    }
    const refused = await comeBack({ error: "access_denied" });
    const { error } = (await refused.json()) as { error: { code: string; message: string } };
    assert.deepEqual(
      [error.code, error.message],
      ["SSO_009", "The identity provider refused the sign-in: access_denied."],
    );
  });

  test("I14 RP a logout token that is not one ends nothing", async () => {
    const event = { "http://schemas.openid.net/event/backchannel-logout": {} };
    const good = () => ({
      iss: issuer,
      aud: "lyss",
      iat: nowSeconds(),
      jti: crypto.randomUUID(),
      sub: "ann",
      events: event,
    });
    const send = async (token: string) => {
      const body = new URLSearchParams({ logout_token: token });
      const url = `${world.nextUrl()}/api/v1/sso/${connectionId}/backchannel-logout`;
      return (await fetch(url, { method: "POST", body })).status;
    };
    const once_ = await sign(good());
    assert.deepEqual([await send(once_), await send(once_)], [200, 400]);
    for (const bad of [
      await sign({ ...good(), nonce: "n" }),
      await sign({ ...good(), events: {} }),
      await sign({ ...good(), aud: "somebody" }),
      await sign({ ...good(), iss: "https://evil.example.com" }),
      await sign({ ...good(), iat: nowSeconds() - 3_600 }),
      await sign(without(good(), "sub")),
      await sign(without(good(), "jti")),
      await sign(good(), {}, stranger.privateKey),
      await sign(good(), { kid: "k9" }),
      unsigned({ alg: "none" }, good()),
      await hmac(good(), clientSecret),
      "x",
    ]) {
      assert.equal(await send(bad), 400, bad);
    }
  });
});
