/** An answer that is a file and no JSON. Its bytes are whole when it is given, so they must be bounded. */
export class FileAnswer {
  readonly contentType: string;
  /** What the client may save it as. ASCII without quotes, so that every client understands it. */
  readonly fileName: string;
  readonly bytes: Buffer;

  /** Throws a TypeError for a file name that is more than letters, digits, dots, dashes and underscores. */
  constructor(contentType: string, fileName: string, bytes: Buffer) {
    if (!/^[\w.-]{1,120}$/.test(fileName)) throw new TypeError(`${fileName} is no safe name of a file`);
    this.contentType = contentType;
    this.fileName = fileName;
    this.bytes = bytes;
  }
}

/** Headers of a file beside those of all data: it is offered for saving (RFC 6266), never shown as a page of ours. */
export function fileHeaders({ contentType, fileName }: FileAnswer): Readonly<Record<string, string>> {
  return { "content-type": contentType, "content-disposition": `attachment; filename="${fileName}"` };
}
