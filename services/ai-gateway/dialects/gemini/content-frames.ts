/** How the events of a stream stand on the wire: as server-sent events (`?alt=sse`), or as the items of one JSON array. */
export interface Frames {
  readonly contentType: string;
  /** Between two frames, and before the first: blank lines. Comments are data to Google's SDK for Python. */
  readonly keepAlive: Buffer;
  frame(json: string | Buffer): Buffer;
  /** What follows the last event. */
  end(): Buffer;
}

export function createFrames(isSse: boolean): Frames {
  if (isSse) {
    return {
      contentType: "text/event-stream; charset=utf-8",
      keepAlive: Buffer.from("\r\n\r\n"),
      frame: (json) => Buffer.concat([Buffer.from("data: "), Buffer.from(json), Buffer.from("\r\n\r\n")]),
      end: () => Buffer.alloc(0),
    };
  }
  let hasBegun = false;
  return {
    contentType: "application/json; charset=utf-8",
    keepAlive: Buffer.from("\r\n"),
    frame(json) {
      const before = hasBegun ? ",\r\n" : "[";
      hasBegun = true;
      return Buffer.concat([Buffer.from(before), Buffer.from(json)]);
    },
    end: () => Buffer.from(hasBegun ? "\r\n]" : "[]"),
  };
}
