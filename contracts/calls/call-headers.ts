/** The header by which a caller wants nothing in a stream but its answer: `off`. */
export const keepAliveHeader = "lyss-keep-alive";

/** By which a caller says whether an answer that was given before may be given again. */
export const cacheHeader = "lyss-cache";
