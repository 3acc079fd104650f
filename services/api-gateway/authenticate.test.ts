import assert from "node:assert/strict";
import { test } from "node:test";
import { pageCookies, readPageToken } from "@lyss/contracts/access/page-session.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { createAuthenticator } from "./authenticate.ts";

/** A guard that says which credential it was asked for. */
function createAskedGuard() {
  const asked: string[] = [];
  const known = (credential: string) => {
    asked.push(credential);
    return { userId: credential } as unknown as Caller;
  };
  const guard = createAuthenticator({ callerOf: known } as never, { callerOf: known } as never);
  return { asked, guard: (headers: Record<string, string>) => guard({ headers, url: "/api/v1/keys" }) };
}

const cookie = `theme=dark; ${pageCookies.session}=a.b.c; ${pageCookies.refresh}=lyr_1`;

test("the cookie of a page counts only where the browser says that the request comes from a page of ours", () => {
  const { asked, guard } = createAskedGuard();
  assert.deepEqual(guard({ cookie, "sec-fetch-site": "same-origin" }), { userId: "a.b.c" });
  for (const site of ["same-site", "cross-site", "none", "", "same-origin, same-origin"]) {
    assert.equal(guard({ cookie, "sec-fetch-site": site }), undefined, site);
  }
  assert.equal(guard({ cookie }), undefined);
  assert.deepEqual(asked, ["a.b.c"]);
});

test("a credential that is sent goes before the cookie, and one that is malformed is not replaced by it", () => {
  const { asked, guard } = createAskedGuard();
  guard({ cookie, "sec-fetch-site": "same-origin", authorization: "Bearer lyss_1" });
  guard({ cookie, "sec-fetch-site": "same-origin", authorization: "Basic eA==" });
  assert.deepEqual(asked, ["lyss_1", ""]);
});

test("a cookie that is there twice, or another's, is no session", () => {
  const headers = { "sec-fetch-site": "same-origin" };
  assert.equal(readPageToken({ ...headers, cookie: `${pageCookies.session}=a; ${pageCookies.session}=b` }), undefined);
  assert.equal(readPageToken({ ...headers, cookie: `x${pageCookies.session}=a` }), undefined);
});

test("what stands for a key is good where realtime sessions are opened, and begins nothing after its time", async () => {
  let mayBegin = true;
  const callerOf = (userId: string) => ({ userId }) as unknown as Caller;
  const keys = { callerOf: async (secret: string) => callerOf(secret), mayBegin: () => mayBegin };
  const guard = createAuthenticator(keys as never, { callerOf: () => assert.fail("it is no token") } as never);
  const ask = async (url: string | undefined, isUnderWay?: boolean) => {
    try {
      return await guard({ headers: { authorization: "Bearer ek_1" }, url, isUnderWay });
    } catch {
      return undefined;
    }
  };
  for (const url of ["/v1/realtime", "/v1/realtime?model=voice", "/api/v1/ai/realtime"]) assert.ok(await ask(url), url);
  const others = ["/v1/realtime/client_secrets", "/v1/realtime/", "//v1/realtime", "/v1/models?x=/v1/realtime"];
  for (const url of [...others, "/v1/realtime%3F", "/V1/realtime", "", undefined]) {
    assert.equal(await ask(url), undefined, String(url));
  }
  mayBegin = false;
  assert.equal(await ask("/v1/realtime"), undefined);
  assert.ok(await ask("/v1/realtime", true), "what has begun goes on");
});
