import type { Clock } from "@lyss/kit/service/clock.ts";
import { buildEndSessionUrl } from "openid-client";
import { answerRefused } from "../answer-refused.ts";
import { limits, type OidcConnection } from "../model.ts";
import type { OidcProvider } from "./providers.ts";

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout";
/** Anybody may send a token: one with an unknown key must not make us fetch keys each time. */
const minRefetchMs = 30_000;
const maxAgeSeconds = 300;

/** Which sessions a provider has ended: of a person, or one, or one of a person. */
export interface EndedAtProvider {
  readonly subject: string | undefined;
  readonly providerSession: string | undefined;
  readonly tokenId: string;
  /** Until when the token could be sent again. */
  readonly expiresMs: number;
}

/** A logout token, checked as section 2.6 of OpenID Connect Back-Channel Logout 1.0 asks. */
export async function readLogoutToken(
  { metadata, keys }: OidcProvider,
  { party }: OidcConnection,
  token: string,
  clock: Clock,
): Promise<EndedAtProvider> {
  const claims = await keys.verify(
    token,
    { issuer: metadata.issuer, audience: party.clientId, maxTokenAge: maxAgeSeconds, requiredClaims: ["iat", "jti"] },
    minRefetchMs,
  );
  const { sub, sid, jti, events, nonce } = claims as Readonly<Record<string, unknown>>;
  const hasEvent = typeof events === "object" && events !== null && Object.hasOwn(events, logoutEvent);
  const isText = (value: unknown): value is string =>
    typeof value === "string" && value !== "" && value.length <= limits.subjectLength;
  const isWhole = (sub === undefined || isText(sub)) && (sid === undefined || isText(sid)) && isText(jti);
  // A nonce would make it an ID token that somebody passes off as this.
  if (!hasEvent || nonce !== undefined || !isWhole || (sub === undefined && sid === undefined)) {
    throw answerRefused("claims");
  }
  return {
    ...{ subject: sub, providerSession: sid, tokenId: jti },
    expiresMs: clock.nowMs() + 2 * maxAgeSeconds * 1_000,
  };
}

/** Where a person ends the provider's own session as well; undefined where it offers none (RP-Initiated Logout 1.0). */
export function endSessionUrl(
  { configuration, metadata }: OidcProvider,
  idToken: string | undefined,
  returnTo: string | undefined,
): string | undefined {
  if (metadata.end_session_endpoint === undefined) return undefined;
  return buildEndSessionUrl(configuration, {
    ...(idToken !== undefined && { id_token_hint: idToken }),
    ...(returnTo !== undefined && { post_logout_redirect_uri: returnTo }),
  }).href;
}
