import { readCookie } from "@lyss/kit/http/cookie.ts";

/**
 * Cookies in which a browser keeps a session, out of reach of scripts. `__Host-`: over TLS or on one's own machine only, for this
 * host alone, and no neighbour below the same domain can set them (RFC 6265bis, 4.1.3.2).
 */
export const pageCookies = { session: "__Host-lyss-session", refresh: "__Host-lyss-refresh" } as const;

/** Request headers by which a page's session is read. */
export const pageHeaders = ["cookie", "sec-fetch-site"] as const;

type PageHeaders = Readonly<Partial<Record<string, string | readonly string[]>>>;

/**
 * The access token of a request that the browser says comes from a page of ours; undefined for every other. `Sec-Fetch-Site` is set by
 * browsers alone, so what another site, or another port of the same host, has the browser send counts as sent by nobody.
 */
export function readPageToken(headers: PageHeaders): string | undefined {
  return readPageCookie(headers, pageCookies.session);
}

/** As `readPageToken`, of either cookie. */
export function readPageCookie(headers: PageHeaders, name: string): string | undefined {
  const { cookie, "sec-fetch-site": site } = headers;
  return typeof cookie === "string" && site === "same-origin" ? readCookie(cookie, name) : undefined;
}
