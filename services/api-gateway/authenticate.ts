import { readPageToken } from "@lyss/contracts/access/page-session.ts";
import { ephemeralKeyResource } from "@lyss/contracts/access/resources.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Guard, GuardedRequest } from "@lyss/kit/http/gate.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { KeyCache } from "./key-cache.ts";
import { readCredential } from "./read-credential.ts";
import type { TokenVerifier } from "./token-verifier.ts";

const keyPrefix = "lyss_";
const ephemeralPrefix = "ek_";
const ephemeralPaths: readonly string[] = ephemeralKeyResource.paths;

/**
 * The guard of every route: who sends a request, by API key or what stands for one, or access token, or by the cookie of a page of ours where nothing else
 * is sent. Undefined when no credential is sent; throws
 * `kit.unauthenticated` for one that is not good. A key that is known is answered without a promise.
 */
export function createAuthenticator(keys: KeyCache, tokens: TokenVerifier): Guard {
  /** What stands for a key is good at a few paths, and to begin something there as long as its time lasts. */
  function ephemeralCallerOf(credential: string, { url, isUnderWay }: GuardedRequest) {
    if (!ephemeralPaths.includes(pathOf(url))) return undefined;
    const judge = (caller: Caller | undefined) =>
      caller && (isUnderWay || keys.mayBegin(caller)) ? caller : undefined;
    const caller = keys.callerOf(credential);
    return caller instanceof Promise ? caller.then(judge) : judge(caller);
  }

  function callerOf(credential: string, req: GuardedRequest) {
    if (credential.startsWith(keyPrefix)) return keys.callerOf(credential);
    if (credential.startsWith(ephemeralPrefix)) return ephemeralCallerOf(credential, req);
    return tokens.callerOf(credential, pathOf(req.url));
  }

  return (req) => {
    const credential = readCredential(req) ?? readPageToken(req.headers);
    if (credential === undefined) return undefined;
    const caller = callerOf(credential, req);
    return caller instanceof Promise ? caller.then(requireKnown) : requireKnown(caller);
  };
}

function pathOf(url: string | undefined = ""): string {
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}

function requireKnown(caller: Caller | undefined): Caller {
  if (!caller) throw new Failure(kitFailures.unauthenticated);
  return caller;
}
