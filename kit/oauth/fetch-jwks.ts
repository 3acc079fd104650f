import type { GuardedFetch } from "../http/guarded-fetch.ts";

const maxKeys = 100;

/** The keys of a document (RFC 7517) at an address that somebody else has named; undefined where it is none. Throws a FetchError. */
export async function fetchJwks(
  fetchFrom: GuardedFetch,
  jwksUri: string,
): Promise<readonly Readonly<Record<string, unknown>>[] | undefined> {
  const answer = await fetchFrom(new URL(jwksUri), { method: "GET", headers: { accept: "application/json" } });
  const given = (await answer.json().catch(() => undefined)) as { readonly keys?: unknown } | null | undefined;
  const keys = given?.keys;
  if (!answer.ok || !Array.isArray(keys) || keys.length > maxKeys) return undefined;
  return keys.every((key) => typeof key === "object" && key !== null) ? keys : undefined;
}
