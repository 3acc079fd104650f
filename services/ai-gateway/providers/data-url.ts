/** RFC 2397, as far as chat uses it. */
const pattern = /^data:([\w.+-]+\/[\w.+-]+);base64,([A-Za-z0-9+/]+=*)$/;

/** What a `data:` URL in base64 holds; undefined for any other URL. */
export function readDataUrl(url: string): { readonly mediaType: string; readonly data: string } | undefined {
  const [, mediaType, data] = pattern.exec(url) ?? [];
  return mediaType === undefined || data === undefined ? undefined : { mediaType, data };
}
