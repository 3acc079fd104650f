import type { CallRequest } from "../call/read-request.ts";

/**
 * What a call is expected to take of a limit on tokens while it runs: about four bytes are a token, and of the output what is asked
 * for. What it took counts when it has ended.
 */
export function expectedTokens({
  body,
  outputLimit,
  choices,
}: Pick<CallRequest, "body" | "choices"> & { readonly outputLimit: { readonly tokens: number } | undefined }): number {
  return Math.ceil(body.length / 4) + (outputLimit?.tokens ?? 0) * choices;
}
