/** A hot request, whole. */
export interface LaneRequest {
  /** Method and path, as in the table of targets. */
  readonly target: string;
  readonly body: Buffer;
  /** Network address of the client's own connection. */
  readonly clientAddress: string;
  /** The value of the wanted header with this place in the table, undefined when it was not sent. */
  header(index: number): string | undefined;
}

/** A request whose values stand in `bytes`, start and end of each in `values`; −1 for one that was not sent. */
export class HotRequest implements LaneRequest {
  readonly target: string;
  readonly body: Buffer;
  readonly clientAddress: string;
  #bytes: Buffer;
  #values: readonly number[];

  constructor(target: string, bytes: Buffer, values: readonly number[], body: Buffer, clientAddress: string) {
    this.target = target;
    this.body = body;
    this.clientAddress = clientAddress;
    this.#bytes = bytes;
    this.#values = values;
  }

  header(index: number): string | undefined {
    const start = this.#values[index * 2] ?? -1;
    return start < 0 ? undefined : this.#bytes.toString("latin1", start, this.#values[index * 2 + 1]);
  }
}
