import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { readCookie } from "@lyss/kit/http/cookie.ts";
import { type AdmittedPerson, admitPerson } from "./admit-person.ts";
import { cookieNameOf, setCookie } from "./browser-cookie.ts";
import { secretPurpose } from "./connection-change.ts";
import type { SsoDeps } from "./deps.ts";
import { type Assertion, type Connection, limits } from "./model.ts";
import { openJson, sealJson, sha256 } from "./sealed.ts";
import type { SealedConnection } from "./store.ts";

/** Where a browser is sent, and the cookie that it takes along. */
export interface BrowserStep {
  readonly location: string;
  readonly cookie: string;
}

/** What is kept of a sign-in while the person is at the provider. */
export interface KeptSignIn {
  /** Of the OpenID request, or the id of the SAML request. */
  readonly nonce: string;
  /** PKCE; empty for SAML. */
  readonly verifier: string;
  readonly returnTo: string;
  readonly codeChallenge: string;
}

/** Who came back, until the code is traded for a session. */
export interface KeptPerson extends AdmittedPerson {
  readonly subject: string;
  readonly providerSession: string;
  /** The provider's proof; empty when there is none. */
  readonly proof: string;
  readonly notAfterMs: number | undefined;
}

/** A connection that people may use, with its secret. Throws `connection_not_found`. */
export async function findOpenConnection(
  deps: Pick<SsoDeps, "connections" | "sealingKey">,
  connectionId: string,
): Promise<{ readonly connection: SealedConnection; readonly secret: Secret | undefined }> {
  const connection = await deps.connections.findSealed(connectionId);
  if (!connection?.isEnabled) throw new Failure(ssoFailures.connection_not_found);
  return { connection, secret: revealSecret(deps, connection) };
}

export function revealSecret(
  deps: Pick<SsoDeps, "sealingKey">,
  { connectionId, sealedSecret }: Pick<SealedConnection, "connectionId" | "sealedSecret">,
): Secret | undefined {
  return sealedSecret ? new Secret(openJson<string>(deps, sealedSecret, secretPurpose(connectionId))) : undefined;
}

/** Remembers a sign-in that begins; gives the cookie that binds it to the browser. */
export async function keepSignIn(
  deps: Pick<SsoDeps, "db" | "signIns" | "sealingKey" | "random" | "clock" | "settings">,
  connectionId: string,
  state: string,
  kept: KeptSignIn,
): Promise<string> {
  const { db, signIns, random, clock, settings } = deps;
  const stateHash = sha256(state);
  const browser = random.bytes(32).toString("base64url");
  const sealed = sealJson(deps, kept, signInPurpose(stateHash));
  const expiresAt = new Date(clock.nowMs() + settings.signInTtlMs);
  const row = { stateHash, connectionId, browserHash: sha256(browser), sealed, expiresAt };
  await db.transaction((tx) => signIns.insertSignIn(tx, row));
  return setCookie(cookieNameOf(stateHash), browser, settings.publicUrl, Math.floor(settings.signInTtlMs / 1_000));
}

/** A sign-in that is over, and what was posted for it meanwhile: SAML. */
export interface TakenSignIn extends KeptSignIn {
  readonly posted: Assertion | undefined;
}

/** The sign-in that this browser began, which is over with that. Throws `sign_in_unknown`. */
export async function takeSignIn(
  deps: Pick<SsoDeps, "db" | "signIns" | "sealingKey" | "clock">,
  connectionId: string,
  state: string,
  cookieHeader: string | undefined,
): Promise<TakenSignIn> {
  const { db, signIns, clock } = deps;
  const stateHash = sha256(state);
  const browser = readCookie(cookieHeader, cookieNameOf(stateHash));
  const key = { stateHash, connectionId, browserHash: sha256(browser ?? "") };
  const now = new Date(clock.nowMs());
  const row = browser === undefined ? undefined : await db.transaction((tx) => signIns.takeSignIn(tx, key, now));
  if (!row) throw new Failure(ssoFailures.sign_in_unknown);
  const { sealedAnswer } = row;
  const posted = sealedAnswer ? openJson<Assertion>(deps, sealedAnswer, answerPurpose(stateHash)) : undefined;
  return { ...openJson<KeptSignIn>(deps, row.sealed, signInPurpose(stateHash)), posted };
}

/** The sign-in that a provider answers by a form, from whatever browser; it goes on. Throws `sign_in_unknown`. */
export async function findSignIn(
  { signIns, clock, ...deps }: Pick<SsoDeps, "signIns" | "sealingKey" | "clock">,
  connectionId: string,
  state: string,
): Promise<KeptSignIn> {
  const stateHash = sha256(state);
  const row = await signIns.findSignIn(stateHash, connectionId, new Date(clock.nowMs()));
  if (!row) throw new Failure(ssoFailures.sign_in_unknown);
  return openJson<KeptSignIn>(deps, row.sealed, signInPurpose(stateHash));
}

/**
 * Lets in whom the provider vouches for, and sends the browser back with a code that the one who began the sign-in can trade
 * for a session, once, within a minute. Throws `person_refused`.
 */
export async function finishSignIn(
  deps: SsoDeps,
  connection: Connection,
  came: {
    readonly state: string;
    readonly kept: KeptSignIn;
    readonly assertion: Assertion;
    readonly proof: string;
    readonly clientAddress: string;
  },
): Promise<BrowserStep> {
  const { db, signIns, random, clock, settings } = deps;
  const { state, kept, assertion, proof, clientAddress } = came;
  const person: KeptPerson = {
    ...(await admitPerson(deps, connection, assertion, clientAddress)),
    ...{ subject: assertion.subject, providerSession: assertion.providerSession ?? "", proof },
    notAfterMs: assertion.notAfterMs,
  };
  const code = random.bytes(32).toString("base64url");
  const codeHash = sha256(code);
  const { codeChallenge } = kept;
  const sealed = sealJson(deps, person, exchangePurpose(codeHash));
  const expiresAt = new Date(clock.nowMs() + limits.codeTtlMs);
  const { connectionId } = connection;
  await db.transaction((tx) =>
    signIns.insertExchange(tx, { codeHash, connectionId, codeChallenge, sealed, expiresAt }),
  );
  const location = new URL(kept.returnTo);
  location.searchParams.set("code", code);
  return { location: location.href, cookie: setCookie(cookieNameOf(sha256(state)), "", settings.publicUrl, 0) };
}

export function exchangePurpose(codeHash: Buffer): string {
  return `sso.exchange/${codeHash.toString("hex")}`;
}

/** What a posted answer is sealed for. */
export function answerPurpose(stateHash: Buffer): string {
  return `sso.answer/${stateHash.toString("hex")}`;
}

function signInPurpose(stateHash: Buffer): string {
  return `sso.sign_in/${stateHash.toString("hex")}`;
}
