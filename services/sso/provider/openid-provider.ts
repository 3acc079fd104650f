import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { SessionEndReason } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { WholeAnswer } from "@lyss/kit/http/whole-answer.ts";
import type Provider from "oidc-provider";
import type { SsoDeps } from "../deps.ts";
import { matchesDigest, sha256 } from "../sealed.ts";
import { createConfiguration, idTokenTtlMs } from "./configuration.ts";
import { openExchange, type ProviderRequest } from "./exchange.ts";
import { pageHeaders, protocolErrorPage } from "./pages.ts";
import type { OpenIdProvider } from "./provider-face.ts";
import { keepProviderKeys } from "./provider-keys.ts";
import { signByAuth } from "./resource-tokens.ts";
import { begin, noteEnded, noteFailure } from "./under-way.ts";

export const mount = "/oidc";
/** How long a node goes on with the keys that it knows. */
const keysKeptMs = 60_000;

/** The provider; its library and its keys are loaded when the first client is there. */
export function createOpenIdProvider(deps: Omit<SsoDeps, "provider">): OpenIdProvider {
  const { oidcClients, clock, settings } = deps;
  let loaded: { readonly provider: Provider; readonly kids: string; readonly readAtMs: number } | undefined;
  let loading: Promise<Provider> | undefined;

  async function open(): Promise<Provider> {
    const isOpen = settings.clientRegistration === "open";
    if (!loaded && !isOpen && !(await oidcClients.hasAny())) throw new Failure(ssoFailures.no_provider);
    const library = await import("oidc-provider");
    const keys = await keepProviderKeys(deps, idTokenTtlMs);
    const kids = keys.map(({ kid }) => kid).join();
    if (loaded?.kids === kids) {
      loaded = { ...loaded, readAtMs: clock.nowMs() };
      return loaded.provider;
    }
    const { default: Library, interactionPolicy, errors } = library;
    const parts = { interactionPolicy, errors, current: () => Library.ctx };
    const provider = new Library(settings.publicUrl + mount, createConfiguration(deps, parts, keys));
    watch(provider, settings);
    signByAuth(provider, errors, deps);
    loaded = { provider, kids, readAtMs: clock.nowMs() };
    return provider;
  }

  async function load(): Promise<Provider> {
    if (loaded && clock.nowMs() - loaded.readAtMs < keysKeptMs) return loaded.provider;
    loading ??= open().finally(() => {
      loading = undefined;
    });
    return loading;
  }

  return {
    load,
    async serve(request, locale, clientAddress) {
      const provider = await load();
      const { req, res, answer } = openExchange(settings.publicUrl, mount, withBasic(request));
      const state = begin(req, locale);
      await provider.callback()(req, res);
      const given = await answer;
      if (given.status >= 500 && state.failure !== undefined) throw state.failure;
      if (state.endedUid !== undefined) await endLogin(deps, state.endedUid, clientAddress);
      if (state.failure === undefined || !request.isBrowser) return given;
      const { error, error_description: reason } = state.failure as { error?: string; error_description?: string };
      const cookies = given.headers["set-cookie"];
      const headers = { ...pageHeaders([]), ...(cookies !== undefined && { "set-cookie": cookies }) };
      return new WholeAnswer(given.status, headers, protocolErrorPage(locale, reason ?? error ?? ""));
    },
  };
}

/** What the library must be told besides its configuration, and what it tells. */
function watch(provider: Provider, settings: Pick<SsoDeps["settings"], "clientRegistration">): void {
  // Behind the gateway: what it has been told of scheme and host is ours.
  provider.proxy = true;
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.oidc?.route !== "discovery" || settings.clientRegistration !== "open") return;
    Object.assign(ctx.body as object, { client_id_metadata_document_supported: true });
  });
  // What pages of its own may do; it adds the digests of its scripts.
  provider.use(async (ctx, next) => {
    ctx.set({
      ...pageHeaders([]),
      "content-security-policy": "default-src 'none'; script-src 'self'; base-uri 'none'",
    });
    await next();
  });
  provider.Client.prototype.compareClientSecret = async function compare(this: { clientSecret?: string }, given) {
    return matchesDigest(given, this.clientSecret ?? "", "hex");
  };
  // Told once the session of ours is over, whoever ended it, and again where a program is away.
  provider.Client.prototype.backchannelLogout = async () => {};
  provider.on("server_error", (ctx, err) => noteFailure(ctx.req, err));
  provider.on("end_session.success", (ctx) => {
    const { session, params } = ctx.oidc;
    if (params?.["logout"] !== undefined && session) noteEnded(ctx.req, session.uid);
  });
}

/** Ends the session of ours on which the browser's stood. A repeat is safe. */
async function endLogin(
  { providerState, auth }: Pick<SsoDeps, "providerState" | "auth">,
  uid: string,
  clientAddress: string,
): Promise<void> {
  const login = await providerState.findLogin(sha256(uid));
  if (!login) return;
  const { tenantId, userId, sessionId } = login;
  await auth.endSessions({
    ...{ tenantId, userId, sessionId, reason: SessionEndReason.SIGNED_OUT, actorId: userId, clientAddress },
  });
}

/** A secret in the form is as good as one in the header (RFC 6749, 2.3.1); one in both places is refused by the library. */
function withBasic(request: ProviderRequest): ProviderRequest {
  const { form, headers } = request;
  if (form?.["client_secret"] === undefined || form["client_id"] === undefined) return request;
  if (headers["authorization"] !== undefined) return request;
  const { client_secret: secret, ...rest } = form;
  const pair = [form["client_id"], secret].map((text) => encodeURIComponent(text.toWellFormed())).join(":");
  return {
    ...request,
    form: rest,
    headers: { ...headers, authorization: `Basic ${Buffer.from(pair).toString("base64")}` },
  };
}
