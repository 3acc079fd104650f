/** What vendors call the id that they give a request, the most usual first. */
const names = [
  "x-request-id",
  "request-id",
  "apim-request-id",
  "x-amzn-requestid",
  "x-debug-trace-id",
  "dg-request-id",
  "replicate-request-id",
];
const readable = /^[\x21-\x7e]{1,200}$/;

/**
 * The id by which a provider knows a request, for whoever asks its support; undefined where it tells none. It is written down and never
 * shown to callers, who get our own.
 */
export function findUpstreamRequestId({ find }: { find(name: string): string | undefined }): string | undefined {
  return names.map((name) => find(name)).find((id) => id !== undefined && readable.test(id));
}
