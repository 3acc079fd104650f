/** The header by which a caller wants nothing in a stream but its answer: `off`. */
export const keepAliveHeader = "lyss-keep-alive";

/** By which a caller says whether an answer that was given before may be given again. */
export const cacheHeader = "lyss-cache";

/** How near the nearest question was that had been answered, where questions are compared. */
export const similarityHeader = "lyss-cache-similarity";
