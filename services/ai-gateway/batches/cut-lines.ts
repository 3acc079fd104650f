/** A line and where it stands, from 1. */
export interface NumberedLine {
  readonly number: number;
  /** Without what ends it; never empty. */
  readonly bytes: Buffer;
}

/** More than so much in one line is no request and no answer of one. */
export class LineTooLong extends Error {
  readonly line: number;

  constructor(line: number) {
    super(`line ${line} is too long`);
    this.name = "LineTooLong";
    this.line = line;
  }
}

const newline = 0x0a;
const bom = Buffer.from("\ufeff");

/** Cuts bytes into lines wherever pieces break; empty ones are counted and left out. Throws `LineTooLong`. */
export async function* cutLines(pieces: AsyncIterable<Buffer>, maxLineBytes: number): AsyncGenerator<NumberedLine> {
  let number = 0;
  let begun: Buffer[] = [];
  let begunBytes = 0;
  for await (const piece of pieces) {
    let at = 0;
    for (let end = piece.indexOf(newline, at); end !== -1; end = piece.indexOf(newline, at)) {
      const line = trim(Buffer.concat([...begun, piece.subarray(at, end)]), ++number);
      begun = [];
      begunBytes = 0;
      at = end + 1;
      if (line.length > maxLineBytes) throw new LineTooLong(number);
      if (line.length > 0) yield { number, bytes: line };
    }
    if (at === piece.length) continue;
    begun.push(piece.subarray(at));
    begunBytes += piece.length - at;
    if (begunBytes > maxLineBytes) throw new LineTooLong(number + 1);
  }
  const last = trim(Buffer.concat(begun), ++number);
  if (last.length > 0) yield { number, bytes: last };
}

/** Without a mark of the order of bytes before the first line, and white space at its ends. */
function trim(line: Buffer, number: number): Buffer {
  let start = number === 1 && line.subarray(0, bom.length).equals(bom) ? bom.length : 0;
  let end = line.length;
  while (start < end && (line[start] ?? 0) <= 0x20) start++;
  while (end > start && (line[end - 1] ?? 0) <= 0x20) end--;
  return line.subarray(start, end);
}
