import type { TokenCounts } from "@lyss/contracts/pricing/token-price.ts";
import { UpstreamError } from "@lyss/kit/http/upstream/upstream-error.ts";
import type { TokenCounter } from "./count-tokens.ts";
import type { CallRequest } from "./read-request.ts";

/** How far a call has got with its provider: what it may cost us depends on it, whatever its caller pays. */
export interface Dispatch {
  /** Requests that have left and of which the provider has not said that it served nothing. */
  unanswered: number;
  /** What the provider calls the request that it answered. */
  upstreamRequestId: string | undefined;
  /** When the first of its streamed answer left for the caller, by the clock that only goes forward. */
  firstTokenAtMs: number | undefined;
  /** Why it failed, or broke off. */
  failure: unknown;
  /** To be told once something of its answer leaves for the caller, or is whole; by `noteAnswering`, at most once. */
  onAnswering: (() => void) | undefined;
}

export function createDispatch(unanswered = 0): Dispatch {
  return {
    ...{ unanswered, upstreamRequestId: undefined, firstTokenAtMs: undefined, failure: undefined },
    onAnswering: undefined,
  };
}

export function noteAnswering(dispatch: Dispatch): void {
  dispatch.onAnswering?.();
  dispatch.onAnswering = undefined;
}

/** True when an error says that nothing of the request can have reached the provider. */
export function hasNotLeft(err: unknown): boolean {
  return err instanceof UpstreamError && !err.mayHaveLeft;
}

/**
 * True when a provider may have counted something of a call that ended with nothing to charge: the request has left and no
 * refusal came back.
 */
export function mayHaveCounted(
  dispatch: Pick<Dispatch, "unanswered">,
  { outcome, tokens }: { readonly outcome: string; readonly tokens: TokenCounts },
): boolean {
  const { inputTokens: input, cachedInputTokens: cached, outputTokens: output } = tokens;
  return outcome !== "completed" && input + cached + output === 0n && dispatch.unanswered > 0;
}

/** What it may have counted: the input. Of an answer it is not known whether there was one. */
export async function estimateCounted(call: {
  readonly counter: TokenCounter;
  readonly request: CallRequest;
}): Promise<TokenCounts> {
  const inputTokens = BigInt(await call.counter.estimateInput(call.request));
  const otherBuckets = call.request.units?.likely;
  return { inputTokens, cachedInputTokens: 0n, outputTokens: 0n, ...(otherBuckets && { otherBuckets }) };
}
