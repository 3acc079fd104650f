/** One RPC message, either way. The same on both sides, so that what is sent can be read. */
export const maxMessageBytes = 4_194_304;
/** All headers of one request together: a caller with very many permissions still fits. */
export const maxHeaderBytes = 65_536;
/** Calls under way on one HTTP/2 connection. */
export const maxConcurrentStreams = 1_000;
/** Open connections, of both kinds, on one peer port. */
export const maxConnections = 4_096;
/** A connection that has not said by then whether it speaks HTTP/1.1 or HTTP/2 is closed. */
export const firstBytesTimeoutMs = 10_000;
