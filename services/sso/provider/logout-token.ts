import { importJWK, SignJWT } from "jose";
import type { SsoDeps } from "../deps.ts";
import type { LogoutNotice } from "./logout-store.ts";
import type { ProviderKey } from "./provider-keys.ts";

/** By when a program has to have it; it asks nobody, so clocks that differ must agree. */
const ttlSeconds = 120;
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout";

/** What tells a program that a session is over (OpenID Connect Back-Channel Logout 1.0, 2.4): another one for each try. */
export async function signLogoutToken(
  { clock, random }: Pick<SsoDeps, "clock" | "random">,
  { key, issuer }: { readonly key: ProviderKey; readonly issuer: string },
  { clientId, userId, sid, isSessionRequired }: LogoutNotice,
): Promise<string> {
  const nowSeconds = Math.floor(clock.nowMs() / 1_000);
  return new SignJWT({ events: { [logoutEvent]: {} }, ...(isSessionRequired && { sid }) })
    .setProtectedHeader({ alg: "RS256", typ: "logout+jwt", kid: key["kid"] ?? "" })
    .setIssuer(issuer)
    .setSubject(userId)
    .setAudience(clientId)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + ttlSeconds)
    .setJti(random.id("lgt"))
    .sign(await importJWK(key, "RS256"));
}
