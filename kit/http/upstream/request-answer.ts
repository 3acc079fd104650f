import type { RequestBytes } from "./request-bytes.ts";
import type { ResponseHead } from "./response-head.ts";
import type { UpstreamCall } from "./upstream-call.ts";
import { UpstreamError } from "./upstream-error.ts";
import type { UpstreamPool } from "./upstream-pool.ts";

/** An answer whose head has come. */
export interface Answer {
  readonly head: ResponseHead;
  /**
   * The body, to be read once. Throws what cuts the answer off, or the signal's reason. Who stops reading early ends the
   * call; the connection is kept if the rest is short.
   */
  readonly body: AsyncIterable<Buffer>;
  /** Ends the call, and the connection with it. After the end of the answer it does nothing. */
  discard(): void;
}

/** The peer waits once so much of a body lies here unread. */
export const maxUnreadBytes = 16_384;

/**
 * `UpstreamPool.send` for who can afford promises: resolves with the head. Rejects with an `UpstreamError`, which is `aborted`
 * with the signal's reason as its cause if that came first.
 */
export function requestAnswer(pool: UpstreamPool, request: RequestBytes, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(abortedError(signal, false));
      return;
    }
    const unread = createUnread(() => pool.resume(call));
    let isOver = false;

    function end(err?: unknown): void {
      isOver = true;
      signal.removeEventListener("abort", onAbort);
      unread.end(err);
    }

    function onAbort(): void {
      const mayHaveLeft = pool.abort(call);
      reject(abortedError(signal, mayHaveLeft));
      end(signal.reason);
    }

    async function* readBody(): AsyncGenerator<Buffer> {
      try {
        for (let chunk = await unread.next(); chunk; chunk = await unread.next()) yield chunk;
      } finally {
        if (!isOver) {
          pool.finish(call);
          end();
        }
      }
    }

    const call: UpstreamCall = pool.send(request, {
      onHead(head) {
        resolve({
          head,
          body: readBody(),
          discard() {
            if (isOver) return;
            pool.abort(call);
            end(new UpstreamError("aborted", "the answer was given up", { mayHaveLeft: true }));
          },
        });
      },
      onData(bytes) {
        if (unread.add(Buffer.from(bytes)) >= maxUnreadBytes) pool.pause(call);
      },
      onEnd: () => end(),
      onError(err) {
        reject(err);
        end(err);
      },
    });
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

function abortedError(signal: AbortSignal, mayHaveLeft: boolean): UpstreamError {
  return new UpstreamError("aborted", "the call was given up", { mayHaveLeft, cause: signal.reason });
}

/** Chunks between a socket that gives them and a reader that takes them. */
interface Unread {
  /** Gives how many bytes lie here now. */
  add(chunk: Buffer): number;
  /** No more comes: because it is all, or for a reason. What lies here can still be read. */
  end(err?: unknown): void;
  /** Resolves with the next chunk, or with undefined at the end; rejects with the reason of the end. */
  next(): Promise<Buffer | undefined>;
}

function createUnread(onEmpty: () => void): Unread {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let ending: { readonly err: unknown } | undefined;
  let wake: (() => void) | undefined;

  return {
    add(chunk) {
      chunks.push(chunk);
      bytes += chunk.length;
      wake?.();
      return bytes;
    },
    end(err) {
      ending ??= { err };
      wake?.();
    },
    async next() {
      while (chunks.length === 0 && !ending) {
        const woken = Promise.withResolvers<void>();
        wake = woken.resolve;
        onEmpty();
        await woken.promise;
      }
      wake = undefined;
      const chunk = chunks.shift();
      if (chunk) bytes -= chunk.length;
      else if (ending?.err !== undefined) throw ending.err;
      return chunk;
    },
  };
}
