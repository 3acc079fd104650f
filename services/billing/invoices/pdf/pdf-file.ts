import { hash } from "node:crypto";
import { deflateSync } from "node:zlib";

/** A reference to an object of the file. */
export type Ref = `${number} 0 R`;

/** The objects of a PDF 1.7 file (ISO 32000-1), numbered in the order in which they were reserved. */
export interface PdfFile {
  /** A place for an object that others may refer to before it is written. */
  reserve(): Ref;
  /** Writes an object; into its place when it was given one. */
  put(value: string, ref?: Ref): Ref;
  /** Writes a compressed stream. `entries` are further entries of its dictionary. */
  putStream(bytes: Buffer, entries?: string): Ref;
  /** The whole file. The same objects give the same bytes. Throws an Error when a reserved one was never written. */
  finish(root: Ref, info: Ref): Buffer;
}

export function createPdfFile(): PdfFile {
  const objects: (Buffer | undefined)[] = [];

  function reserve(): Ref {
    objects.push(undefined);
    return `${objects.length} 0 R`;
  }

  function write(bytes: Buffer, ref: Ref = reserve()): Ref {
    objects[Number.parseInt(ref, 10) - 1] = bytes;
    return ref;
  }

  return {
    reserve,
    put: (value, ref) => write(Buffer.from(value, "latin1"), ref),
    putStream(bytes, entries = "") {
      const packed = deflateSync(bytes);
      const head = `<</Length ${packed.length}/Filter/FlateDecode${entries}>>\nstream\n`;
      return write(Buffer.concat([Buffer.from(head, "latin1"), packed, Buffer.from("\nendstream")]));
    },
    finish(root, info) {
      // The comment of bytes above 127 tells tools that the file is no text.
      const parts: Buffer[] = [Buffer.from("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "latin1")];
      let length = parts[0]?.length ?? 0;
      const rows = ["0000000000 65535 f \n"];
      for (const [i, object] of objects.entries()) {
        if (!object) throw new Error(`object ${i + 1} was reserved and never written`);
        const whole = Buffer.concat([Buffer.from(`${i + 1} 0 obj\n`), object, Buffer.from("\nendobj\n")]);
        rows.push(`${length.toString().padStart(10, "0")} 00000 n \n`);
        parts.push(whole);
        length += whole.length;
      }
      const id = hash("sha256", Buffer.concat(parts), "hex").slice(0, 32);
      const trailer = `<</Size ${rows.length}/Root ${root}/Info ${info}/ID[<${id}><${id}>]>>`;
      const table = `xref\n0 ${rows.length}\n${rows.join("")}`;
      parts.push(Buffer.from(`${table}trailer\n${trailer}\nstartxref\n${length}\n%%EOF\n`));
      return Buffer.concat(parts);
    },
  };
}

/** Any text as a string of a PDF: UTF-16 with its mark (ISO 32000-1, 7.9.2.2). */
export function toPdfText(text: string): string {
  return `<${Buffer.from(`\ufeff${text}`, "utf16le").swap16().toString("hex")}>`;
}

/** A time in UTC as a date of a PDF (7.9.4). */
export function toPdfDate(time: Date): string {
  return `(D:${time.toISOString().replace(/\D/g, "").slice(0, 14)}Z)`;
}
