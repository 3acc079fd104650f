import { toRequestStart } from "@lyss/kit/http/upstream/request-bytes.ts";
import { toRequestHeaders } from "../call/send-upstream.ts";
import { type Provider, pathAt } from "../model.ts";
import { surfaces } from "../surfaces/surface.ts";

interface Starts {
  readonly secret: string;
  readonly whole: string;
  readonly stream: string;
}

/**
 * Heads of chat requests, composed once for each provider and secret. A provider that changes is another object, and a secret
 * that was replaced is composed anew; no old one is kept. Undefined for one that cannot be written
 * as HTTP.
 */
export function createRequestStarts() {
  const known = new WeakMap<Provider, Starts>();

  function compose(provider: Provider, authority: string, secret: string): Starts {
    const startOf = (isStream: boolean) =>
      toRequestStart({
        ...{ method: "POST", path: pathAt(provider, surfaces.chat.endpoint), authority },
        headers: toRequestHeaders(provider, secret, isStream),
      });
    return { secret, whole: startOf(false), stream: startOf(true) };
  }

  return (provider: Provider, authority: string, secret: string, isStream: boolean): string | undefined => {
    let starts = known.get(provider);
    if (starts?.secret !== secret) {
      try {
        starts = compose(provider, authority, secret);
      } catch {
        return undefined;
      }
      known.set(provider, starts);
    }
    return isStream ? starts.stream : starts.whole;
  };
}
