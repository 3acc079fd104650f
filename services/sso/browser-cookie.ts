const prefix = "lyss_sso_";

/** What binds a sign-in to the browser that began it: a cookie of its own, so that several may be under way. */
export function cookieNameOf(stateHash: Buffer): string {
  return prefix + stateHash.toString("hex").slice(0, 16);
}

/** The header that sets it. Lax: it comes back with the provider's redirect, and with nothing that another site posts. */
export function setCookie(name: string, value: string, publicUrl: string, maxAgeSeconds: number): string {
  const secure = publicUrl.startsWith("https:") ? "; Secure" : "";
  return `${name}=${value}; Path=/api/v1/sso/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure}`;
}
