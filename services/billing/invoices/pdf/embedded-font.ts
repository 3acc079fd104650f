import { hash } from "node:crypto";
import type { FontFace } from "./font-face.ts";
import type { PdfFile, Ref } from "./pdf-file.ts";
import { subsetFont } from "./subset-font.ts";
import { toUnicodeMap } from "./to-unicode-map.ts";

/** A font of a document: what of it is used is embedded at the end. */
export interface EmbeddedFont {
  /** A text as a PDF string of its glyphs, which are then part of the file. */
  encode(text: string): string;
  /** How wide a text is at a size, in points. */
  measure(text: string, size: number): number;
  /** Writes the font and what its glyphs mean into the file. */
  embed(file: PdfFile, ref: Ref): void;
}

const isPlain = /^[ -~]*$/;
/** What stands for a character that the font lacks: the mark that Chinese and Japanese typesetters put there. */
const missing = "〓".codePointAt(0) ?? 0;

export function createEmbeddedFont(face: FontFace): EmbeddedFont {
  /** What each glyph that is part of the file means. */
  const used = new Map<number, number>();

  /** The characters that stand for those of a text. */
  function shownOf(text: string): string {
    return isPlain.test(text) ? text : text.normalize("NFC").replaceAll(/\p{Cc}/gu, " ");
  }

  function codePointOf(character: string): number {
    const codePoint = character.codePointAt(0) ?? 0;
    return face.glyphOf(codePoint) === 0 ? missing : codePoint;
  }

  return {
    encode(text) {
      let glyphs = "";
      for (const character of shownOf(text)) {
        const codePoint = codePointOf(character);
        const glyph = face.glyphOf(codePoint);
        if (!used.has(glyph)) used.set(glyph, codePoint);
        glyphs += glyph.toString(16).padStart(4, "0");
      }
      return `<${glyphs}>`;
    },
    measure(text, size) {
      let width = 0;
      for (const character of shownOf(text)) width += face.widthOf(face.glyphOf(codePointOf(character)));
      return (width * size) / 1_000;
    },
    embed(file, ref) {
      const glyphs = [...used.keys()].sort((a, b) => a - b);
      const bytes = subsetFont(face, glyphs);
      const name = `${toTag(glyphs)}+${face.name}`;
      const program = file.putStream(bytes, `/Length1 ${bytes.length}`);
      const descriptor = file.put(
        `<</Type/FontDescriptor/FontName/${name}/Flags 4/FontBBox[-264 -1048 2928 1808]/ItalicAngle 0/Ascent 880` +
          `/Descent -120/CapHeight 733/StemV 80/FontFile2 ${program}>>`,
      );
      const widths = glyphs.map((glyph) => `${glyph}[${face.widthOf(glyph)}]`).join("");
      const system = "<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>";
      const descendant = file.put(
        `<</Type/Font/Subtype/CIDFontType2/BaseFont/${name}/CIDSystemInfo${system}/FontDescriptor ${descriptor}` +
          `/DW 1000/W[${widths}]/CIDToGIDMap/Identity>>`,
      );
      const toUnicode = file.putStream(Buffer.from(toUnicodeMap(used)));
      const body = `/Encoding/Identity-H/DescendantFonts[${descendant}]/ToUnicode ${toUnicode}`;
      file.put(`<</Type/Font/Subtype/Type0/BaseFont/${name}${body}>>`, ref);
    },
  };
}

/** Six letters that name a subset (ISO 32000-1, 9.6.4), the same for the same glyphs. */
function toTag(glyphs: readonly number[]): string {
  const digest = hash("sha256", glyphs.join(), "buffer");
  return String.fromCharCode(...digest.subarray(0, 6).map((byte) => 65 + (byte % 26)));
}
