import assert from "node:assert/strict";
import { after, test } from "node:test";
import { pageCookies } from "@lyss/contracts/access/page-session.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { auth } from "./service.ts";

const clock = createFakeClock();
const { ops, random } = await startTestService({ after }, auth, { clients: {}, clock });
const server = await startTestServer({
  mounted: [{ name: "auth", routes: auth.routes, ops, peerUrl: undefined }],
  guard: () => undefined,
});
after(() => server.close());

const ownPage = { "sec-fetch-site": "same-origin" };

async function signIn() {
  const device = { clientAddress: "192.0.2.1", userAgent: "a browser" };
  const person = { tenantId: random.id("ten"), userId: random.id("usr"), role: "admin" };
  return ops.startSession({ ...person, methods: ["pwd"], ...device });
}

async function ask(method: string, headers: Record<string, string>, body?: object) {
  const answer = await fetch(`${server.url}/api/v1/auth/browser-session`, {
    method,
    headers: { ...headers, ...(body && { "content-type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const cookies = answer.headers.getSetCookie();
  return {
    status: answer.status,
    text: await answer.text(),
    cookies,
    jar: cookies.map((one) => one.split(";")[0]).join("; "),
  };
}

test("a page's sign-in ends in cookies that no script reads and no other site sends, and in no token", async () => {
  const { refreshToken, sessionId } = await signIn();
  const { status, text, cookies } = await ask("POST", ownPage, { refresh_token: refreshToken });
  assert.equal(status, 200);
  const { ends_in, ...told } = JSON.parse(text);
  assert.deepEqual(told, { object: "browser_session", id: sessionId, expires_in: 900 });
  assert.ok(ends_in > 86_400);
  assert.deepEqual(
    cookies.map((one) => one.replace(/=[^;]+/, "=…")),
    [
      `${pageCookies.session}=…; Path=/; Max-Age=900; Secure; HttpOnly; SameSite=Strict`,
      `${pageCookies.refresh}=…; Path=/; Max-Age=${ends_in}; Secure; HttpOnly; SameSite=Strict`,
    ],
  );
  assert.ok(cookies.every((one) => one.length < 1_500));
});

test("the browser's session goes on by its cookie alone, and each refresh token counts once", async () => {
  const { refreshToken, sessionId } = await signIn();
  const first = await ask("POST", ownPage, { refresh_token: refreshToken });
  const second = await ask("POST", { ...ownPage, cookie: first.jar });
  assert.equal(second.status, 200);
  assert.notEqual(second.jar, first.jar);
  assert.equal((await ops.checkSession({ sessionId })).isActive, true);
  clock.advance(10_000);
  assert.equal((await ask("POST", ownPage, { refresh_token: refreshToken })).status, 401);
});

test("what another site or another port has a browser send neither keeps nor ends a session", async () => {
  const { refreshToken, sessionId } = await signIn();
  const { jar } = await ask("POST", ownPage, { refresh_token: refreshToken });
  for (const site of ["same-site", "cross-site", "none", undefined]) {
    const headers = { cookie: jar, ...(site && { "sec-fetch-site": site }) };
    assert.equal((await ask("POST", headers)).status, 401, String(site));
    assert.equal((await ask("DELETE", headers)).status, 204, String(site));
  }
  const fresh = await signIn();
  assert.equal(
    (await ask("POST", { "sec-fetch-site": "cross-site" }, { refresh_token: fresh.refreshToken })).status,
    401,
  );
  assert.equal((await ops.checkSession({ sessionId })).isActive, true);
});

test("signing out ends the session on every node and takes the cookies away", async () => {
  const { refreshToken, sessionId } = await signIn();
  const { jar } = await ask("POST", ownPage, { refresh_token: refreshToken });
  const ended = await ask("DELETE", { ...ownPage, cookie: jar });
  assert.deepEqual(
    [ended.status, ended.text, ended.jar],
    [204, "", `${pageCookies.session}=; ${pageCookies.refresh}=`],
  );
  assert.equal((await ops.checkSession({ sessionId })).isActive, false);
  assert.equal((await ask("POST", { ...ownPage, cookie: jar })).status, 401);
});
