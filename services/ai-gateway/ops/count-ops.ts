import type { AiGatewayDeps } from "../deps.ts";
import { countContentTokens } from "./count-content-tokens.ts";
import { countMessageTokens } from "./count-message-tokens.ts";
import { countResponseTokens } from "./count-response-tokens.ts";

type Input<Count extends (deps: AiGatewayDeps, input: never) => unknown> = Parameters<Count>[1];

/** Tokens of an input, in each dialect that counts them. */
export function createCountOps(deps: AiGatewayDeps) {
  return {
    countContentTokens: (input: Input<typeof countContentTokens>) => countContentTokens(deps, input),
    countMessageTokens: (input: Input<typeof countMessageTokens>) => countMessageTokens(deps, input),
    countResponseTokens: (input: Input<typeof countResponseTokens>) => countResponseTokens(deps, input),
  };
}
