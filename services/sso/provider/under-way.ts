import type { IncomingMessage } from "node:http";
import type { Locale } from "@lyss/kit/errors/failure.ts";

/** What is known of a request while the library answers it. */
interface UnderWay {
  readonly locale: Locale;
  failure: unknown;
  /** Whose session has been ended: the name that tokens know it by. */
  endedUid: string | undefined;
}

const requests = new WeakMap<IncomingMessage, UnderWay>();

export function begin(req: IncomingMessage, locale: Locale): UnderWay {
  const state = { locale, failure: undefined, endedUid: undefined };
  requests.set(req, state);
  return state;
}

export function localeOfRequest(req: IncomingMessage): Locale {
  return requests.get(req)?.locale ?? "en_US";
}

/** What the library is to answer an error page for; the page is ours. */
export function noteFailure(req: IncomingMessage, failure: unknown): void {
  const state = requests.get(req);
  if (state) state.failure = failure;
}

export function noteEnded(req: IncomingMessage, uid: string): void {
  const state = requests.get(req);
  if (state) state.endedUid = uid;
}
