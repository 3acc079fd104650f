import { randomBytes } from "node:crypto";
import * as openid from "openid-client";
import type { TestBrowser } from "./test-browser.ts";
import { newVerifier, publicUrl, type SignOnWorld } from "./world.ts";

export const issuer = `${publicUrl}/oidc`;
export const callback = "https://grafana.example.com/login/generic_oauth";
export const password = "a password that nobody has guessed";

/** A program's set-up, as an administrator's answer shows it. */
export interface TestClient {
  readonly id: string;
  readonly secret: string | null;
}

/** Sets up a program of the tenant. */
export async function createClient(world: SignOnWorld, tenantId: string, more: object = {}): Promise<TestClient> {
  const name = `Grafana ${randomBytes(4).toString("hex")}`;
  const scopes = ["openid", "profile", "email", "groups", "offline_access"];
  const post_logout_redirect_uris = ["https://grafana.example.com/bye"];
  const body = { name, redirect_uris: [callback], post_logout_redirect_uris, scopes, ...more };
  const { status, json } = await world.call(`${tenantId}/usr_admin/sso:manage`, "POST", "/api/v1/sso/clients", body);
  if (status !== 201) throw new Error(JSON.stringify(json));
  return json;
}

/** Somebody with a password. */
export async function createPerson(world: SignOnWorld, tenantId: string, name = "Ann") {
  const email = `${name.toLowerCase()}-${randomBytes(4).toString("hex")}@example.com`;
  const { userId } = await world.users.createUser({ email, password, name, tenantId, role: "member" });
  return { userId, email, tenantId };
}

/** Sends what is meant for the platform to its next node. */
export function sendTo(world: Pick<SignOnWorld, "nextUrl">) {
  return (url: string, init?: RequestInit) =>
    fetch(url.startsWith(publicUrl) ? world.nextUrl() + url.slice(publicUrl.length) : url, {
      ...init,
      redirect: "manual",
    });
}

/** openid-client, as any program would use it. */
export async function discover(
  world: Pick<SignOnWorld, "nextUrl">,
  { id, secret }: TestClient,
): Promise<openid.Configuration> {
  const authentication = secret === null ? openid.None() : openid.ClientSecretBasic(secret);
  return openid.discovery(new URL(issuer), id, {}, authentication, {
    execute: [openid.allowInsecureRequests],
    [openid.customFetch]: sendTo(world) as openid.CustomFetch,
  });
}

export interface Begun {
  readonly url: URL;
  readonly verifier: string;
  readonly state: string;
  readonly nonce: string;
}

/** Where the program sends the browser; what is undefined among `more` is left out. */
export function begin(config: openid.Configuration, more: Readonly<Record<string, string | undefined>> = {}): Begun {
  const { verifier, challenge } = newVerifier();
  const [state, nonce] = [openid.randomState(), openid.randomNonce()];
  const all = {
    ...{ redirect_uri: callback, scope: "openid profile email groups", code_challenge: challenge, state, nonce },
    ...{ code_challenge_method: "S256", response_type: "code", ...more },
  };
  const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const url = openid.buildAuthorizationUrl(config, {});
  url.search = "";
  url.searchParams.set("client_id", config.clientMetadata().client_id);
  for (const [name, value] of given) url.searchParams.set(name, value);
  return { url, verifier, state, nonce };
}

export const isBack = (url: URL): boolean => url.origin === new URL(callback).origin;

/** Answers each page as the person would; gives where the browser ends, and the pages that it saw. */
export async function answerPages(browser: TestBrowser, start: URL, email: string, typed = password) {
  const pages: string[] = [];
  let { url, answer } = await browser.follow(start.href, isBack);
  for (let count = 0; answer && url.pathname.includes("/interaction/") && count < 4; count++) {
    const page = await answer.text();
    pages.push(page);
    const isSignIn = page.includes('type="password"');
    const fields = isSignIn ? { action: "sign_in", email, password: typed } : { action: "allow" };
    const sent = await browser.send(url.href, { method: "POST", body: new URLSearchParams(fields) });
    const location = sent.headers.get("location");
    if (location === null) return { url, pages: [...pages, await sent.text()], status: sent.status };
    ({ url, answer } = await browser.follow(new URL(location, url).href, isBack));
  }
  return { url, pages, status: answer?.status ?? 303, rest: await answer?.text() };
}

/** A whole sign-in, from the program's first step to its tokens. */
export async function signIn(
  config: openid.Configuration,
  browser: TestBrowser,
  email: string,
  more: Readonly<Record<string, string>> = {},
) {
  const begun = begin(config, more);
  const { url, pages, rest } = await answerPages(browser, begun.url, email);
  if (!isBack(url)) throw new Error(`the browser ended at ${url}: ${pages.at(-1)} ${rest}`);
  const tokens = await openid.authorizationCodeGrant(config, url, {
    ...{ pkceCodeVerifier: begun.verifier, expectedState: begun.state, expectedNonce: begun.nonce },
  });
  return { tokens, url, begun, pages };
}
