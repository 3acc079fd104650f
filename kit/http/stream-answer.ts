import type { ServerResponse } from "node:http";

/** An answer that comes piece by piece. Only of a route that `mayStream`. */
export class StreamAnswer {
  /** Owns the response and must end it. What it throws before the head is sent is answered as a failure; later it cuts the answer. */
  readonly send: (res: ServerResponse) => Promise<void>;

  constructor(send: StreamAnswer["send"]) {
    this.send = send;
  }
}
