import type { IncomingMessage } from "node:http";

/** The header by which a caller asks for what is not for everybody yet, for the OpenAPI document. */
export const betaHeaders = {
  "anthropic-beta":
    "Names of Anthropic's betas; those that the operator allows reach a provider which speaks its dialect.",
};

/** The names in a request's `anthropic-beta` that are among `allowed`, each once, in their order. */
export function readBetas(
  { headers }: Pick<IncomingMessage, "headers">,
  allowed: readonly string[],
): readonly string[] {
  const named = String(headers["anthropic-beta"] ?? "")
    .split(",")
    .map((name) => name.trim());
  return [...new Set(named)].filter((name) => allowed.includes(name));
}
