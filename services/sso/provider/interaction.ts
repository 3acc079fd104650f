import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { ssoConsentGiven } from "@lyss/contracts/events/sso.ts";
import { factorFailures } from "@lyss/contracts/failures/auth-factors.ts";
import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { SessionEndReason } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { Failure, failureText, isFailure, type Locale } from "@lyss/kit/errors/failure.ts";
import { WholeAnswer } from "@lyss/kit/http/whole-answer.ts";
import type { InteractionResults } from "oidc-provider";
import type { SsoDeps } from "../deps.ts";
import { sha256 } from "../sealed.ts";
import { isPrivateReturn, scopesSupported } from "./client-model.ts";
import { openExchange } from "./exchange.ts";
import type { LyssLogin } from "./lyss-login.ts";
import { mount } from "./openid-provider.ts";
import { consentPage, errorPage, factorPage, pageHeaders, signInPage } from "./pages.ts";

/** Somebody at the page that asks for a password, or for consent. */
export interface InteractionVisit {
  readonly id: string;
  readonly cookie: string | undefined;
  readonly locale: Locale;
  readonly clientAddress: string;
  readonly userAgent: string;
}

export interface InteractionAnswer extends InteractionVisit {
  readonly action: "sign_in" | "prove" | "allow" | "cancel";
  readonly email: string;
  readonly password: string;
  /** Of a sign-in that waits for a second factor, and what is shown to it. */
  readonly challenge: string;
  readonly code: string;
}

type Interaction = Awaited<ReturnType<typeof findInteraction>>;

/** The page that asks. One that this browser did not come to from a program is answered with an error page (400). */
export async function showInteraction(deps: SsoDeps, visit: InteractionVisit): Promise<WholeAnswer> {
  return orErrorPage(visit, async () => toPage(await findInteraction(deps, visit), visit, {}));
}

/** Takes what the person has said, and sends the browser on (303), or asks again. A repeat is answered as unknown. */
export async function answerInteraction(deps: SsoDeps, answer: InteractionAnswer): Promise<WholeAnswer> {
  return orErrorPage(answer, async () => {
    const interaction = await findInteraction(deps, answer);
    const { prompt } = interaction.details;
    if (answer.action === "cancel") {
      return interaction.finish({ error: "access_denied", error_description: "the person has refused" });
    }
    if (prompt.name === "consent" && answer.action === "allow") return allow(deps, interaction, answer);
    if (prompt.name !== "login" || answer.action === "allow") return toPage(interaction, answer, {});
    try {
      const sessionId = answer.action === "prove" ? await prove(deps, answer) : await signIn(deps, answer);
      return await enter(deps, interaction, answer, sessionId);
    } catch (err) {
      return askAgain(interaction, answer, err);
    }
  });
}

/** The page anew, with what was wrong; or the one that asks for the second factor. */
function askAgain(interaction: Interaction, answer: InteractionAnswer, err: unknown): WholeAnswer {
  if (!isFailure(err) || err.type.httpStatus >= 500) throw err;
  const { type, details } = err;
  const { email, locale } = answer;
  if (isFailure(err, userFailures.factor_required)) {
    return toPage(interaction, answer, { email, challenge: String(details["challengeToken"]) });
  }
  const error = { text: failureText(type, details, locale), status: type.httpStatus };
  const isOver = answer.action !== "prove" || isFailure(err, factorFailures.challenge_refused);
  return toPage(interaction, answer, { email, error, ...(!isOver && { challenge: answer.challenge }) });
}

async function findInteraction(
  { provider: held, settings, oidcClients }: SsoDeps,
  { id, cookie }: Pick<InteractionVisit, "id" | "cookie">,
) {
  const provider = await held.load();
  const headers = cookie === undefined ? {} : { cookie };
  const request = { method: "GET", target: `/interaction/${id}`, form: undefined, headers, isBrowser: true } as const;
  const { req, res } = openExchange(settings.publicUrl, mount, request);
  const details = await provider.interactionDetails(req, res).catch((err: unknown) => {
    throw isLibraryError(err) ? new Failure(ssoFailures.sign_in_unknown) : err;
  });
  const client = details.uid === id ? await oidcClients.findStored(String(details.params["client_id"])) : undefined;
  if (!client) throw new Failure(ssoFailures.sign_in_unknown);
  return {
    ...{ provider, details, client },
    async finish(result: InteractionResults): Promise<WholeAnswer> {
      const location = await provider.interactionResult(req, res, result, { mergeWithLastSubmission: true });
      return new WholeAnswer(303, { location, "referrer-policy": "no-referrer" });
    },
  };
}

/** Of a cookie or a row that is not there: the person came late, twice, or from elsewhere. */
function isLibraryError(err: unknown): boolean {
  return err instanceof Error && "error" in err && err.name === "SessionNotFound";
}

async function signIn({ user }: SsoDeps, answer: InteractionAnswer): Promise<string> {
  const { email, password, clientAddress, userAgent } = answer;
  const { sessionId } = await user.signIn({ email, password, clientAddress, userAgent });
  return sessionId;
}

async function prove({ auth }: SsoDeps, answer: InteractionAnswer): Promise<string> {
  const { challenge: challengeToken, code, clientAddress } = answer;
  const { tokens } = await auth.verifyChallenge({ challengeToken, code, clientAddress });
  if (!tokens) throw new Error("auth ends a challenge without a session");
  return tokens.sessionId;
}

/** Goes on with the new session, which ends here where the person is not one of the client's tenant. */
async function enter(
  deps: SsoDeps,
  { details, client, finish }: Interaction,
  { action, clientAddress }: InteractionAnswer,
  sessionId: string,
): Promise<WholeAnswer> {
  const { auth } = deps;
  const { tenantId, userId } = await auth.checkSession({ sessionId });
  const end = () =>
    auth.endSessions({
      ...{ tenantId, userId, sessionId, reason: SessionEndReason.SIGNED_OUT, actorId: userId, clientAddress },
    });
  if (client.tenantId !== "" && tenantId !== client.tenantId) {
    await end();
    throw new Failure(ssoFailures.person_refused);
  }
  const before = await findFormerLogin(deps, details.session?.uid, userId);
  // Whoever only proves anew who they are keeps the session that they have.
  if (before) await end();
  const lyss: LyssLogin = before ?? { sessionId, tenantId };
  const amr = action === "prove" ? ["pwd", "mfa"] : ["pwd"];
  return finish({ login: { accountId: userId, amr, lyss } } as InteractionResults);
}

async function findFormerLogin(
  { providerState }: Pick<SsoDeps, "providerState">,
  uid: string | undefined,
  userId: string,
): Promise<LyssLogin | undefined> {
  const login = uid === undefined ? undefined : await providerState.findLogin(sha256(uid));
  return login?.userId === userId ? { sessionId: login.sessionId, tenantId: login.tenantId } : undefined;
}

async function allow(
  deps: SsoDeps,
  { provider, details, client, finish }: Interaction,
  { clientAddress }: InteractionAnswer,
): Promise<WholeAnswer> {
  const { db, providerState, oidcClients, outbox, clock } = deps;
  const { accountId: userId = "", uid } = details.session ?? {};
  const login = await findFormerLogin(deps, uid, userId);
  if (!login) throw new Failure(ssoFailures.sign_in_unknown);
  const { clientId, tenantId: ofClient } = client;
  const { tenantId } = login;
  const known = details.grantId === undefined ? undefined : await provider.Grant.find(details.grantId);
  const grant = known ?? new provider.Grant({ accountId: userId, clientId });
  const asked = scopesOf(details.params);
  const told = scopesSupported.filter((scope) => asked.includes(scope));
  grant.addOIDCScope(told.join(" "));
  for (const [resource, scopes] of Object.entries(missingScopesOf(details.prompt.details))) {
    grant.addResourceScope(resource, scopes.join(" "));
  }
  const grantId = await grant.save();
  const before = await providerState.findConsent(userId, clientId);
  const scopes = [...new Set([...(before?.scopes ?? []), ...asked])];
  const givenAt = new Date(clock.nowMs());
  if (ofClient === "") await oidcClients.noteLetIn(clientId, givenAt);
  await db.transaction(async (tx) => {
    // Anybody may show the id of a program that registered itself: of each sign-in the person is asked.
    if (ofClient !== "") await providerState.upsertConsent(tx, { userId, clientId, scopes, givenAt });
    await outbox.append(tx, ssoConsentGiven, {
      ...{ clientId, tenantId, userId, scopes, clientAddress, givenAt: timestampFromDate(givenAt) },
    });
  });
  return finish({ consent: { grantId } });
}

/** What the library says that the person has not allowed yet, by resource. */
function missingScopesOf(details: Readonly<Record<string, unknown>>): Readonly<Record<string, readonly string[]>> {
  return (details["missingResourceScopes"] ?? {}) as Readonly<Record<string, readonly string[]>>;
}

function scopesOf(params: Readonly<Record<string, unknown>>): string[] {
  return String(params["scope"] ?? "")
    .split(" ")
    .filter((scope) => scope !== "");
}

interface Asked {
  readonly email?: string;
  readonly error?: { readonly text: string; readonly status: number };
  /** Of a sign-in that waits for a second factor. */
  readonly challenge?: string;
}

function toPage(
  { details, client }: Interaction,
  { locale }: Pick<InteractionVisit, "locale">,
  { email, error, challenge }: Asked,
): WholeAnswer {
  const headers = pageHeaders([String(details.params["redirect_uri"])]);
  if (details.prompt.name === "consent") {
    const scopes = scopesOf(details.params);
    const returnTo = client.tenantId === "" ? placeOf(String(details.params["redirect_uri"])) : undefined;
    return new WholeAnswer(200, headers, consentPage(locale, { client: client.name, scopes, returnTo }));
  }
  const status = error?.status ?? 200;
  if (challenge !== undefined) {
    const body = factorPage(locale, { client: client.name, challenge, error: error?.text });
    return new WholeAnswer(status, headers, body);
  }
  const hint = email ?? String(details.params["login_hint"] ?? "").slice(0, 254);
  return new WholeAnswer(status, headers, signInPage(locale, { client: client.name, email: hint, error: error?.text }));
}

/** Where a person is sent, in short. */
function placeOf(redirectUri: string): string {
  const { protocol, host } = new URL(redirectUri);
  return isPrivateReturn(redirectUri) ? `${protocol}//${host}` : host;
}

async function orErrorPage(
  { locale }: Pick<InteractionVisit, "locale">,
  work: () => Promise<WholeAnswer>,
): Promise<WholeAnswer> {
  try {
    return await work();
  } catch (err) {
    if (!isFailure(err, ssoFailures.sign_in_unknown)) throw err;
    const text = failureText(err.type, err.details, locale);
    return new WholeAnswer(err.type.httpStatus, pageHeaders([]), errorPage(locale, text));
  }
}
