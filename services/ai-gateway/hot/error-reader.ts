import type { ResponseHead } from "@lyss/kit/http/upstream/response-head.ts";
import { maxErrorBytes, toStatusFailure } from "../call/send-upstream.ts";
import { createBodyCollector } from "./body-collector.ts";
import type { BodyReader, RelayedCall } from "./body-reader.ts";

/** Reads what a provider says with a status other than 200, and fails the call with what that means. */
export function createErrorReader(call: RelayedCall, head: ResponseHead): BodyReader {
  const body = createBodyCollector(head, maxErrorBytes);
  const toFailure = (said: Buffer | undefined) => toStatusFailure(call.deps, call.admitted.target, head, said);
  return {
    onData(bytes) {
      try {
        body.add(bytes);
      } catch {
        // Too long to be worth reading: its status says enough.
        throw toFailure(undefined);
      }
    },
    onEnd() {
      throw toFailure(body.take());
    },
    onFail: (failure) => call.failWithoutAnswer(failure),
  };
}
