/** The header by which a caller wants nothing in a stream but its answer: `off`. */
export const keepAliveHeader = "lyss-keep-alive";
