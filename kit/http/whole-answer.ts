/**
 * An answer that is more than data under the route's status: a redirect, a page, a document of another media type. Its
 * headers replace those of data that bear the same name.
 */
export class WholeAnswer {
  readonly status: number;
  /** By lower-case names; never of a connection (RFC 9110, 7.6.1). A list where a header stands more than once: cookies. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string | Buffer;

  constructor(status: number, headers: WholeAnswer["headers"], body: string | Buffer = "") {
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}
