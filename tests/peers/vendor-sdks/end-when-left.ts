/** A stream whose request ends when the stream is left, for SDKs that want a signal for it. */
export async function* endWhenLeft<Piece>(
  open: (signal: AbortSignal) => AsyncIterable<Piece> | PromiseLike<AsyncIterable<Piece>>,
): AsyncGenerator<Piece> {
  const controller = new AbortController();
  try {
    yield* await open(controller.signal);
  } finally {
    controller.abort();
  }
}
