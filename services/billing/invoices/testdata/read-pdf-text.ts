import { inflateSync } from "node:zlib";

/**
 * The texts of a PDF of ours in the order in which they are drawn, a space between any two, by what the file itself says
 * that its glyphs mean. For tests: poppler reads the same in `tests/peers/poppler`.
 */
export function readPdfText(pdf: Buffer): string {
  const source = pdf.toString("latin1");
  const streams = [...source.matchAll(/\/Length (\d+)\/Filter\/FlateDecode[^>]*>>\nstream\n/g)].map((match) => {
    const start = match.index + match[0].length;
    return inflateSync(pdf.subarray(start, start + Number(match[1]))).toString("latin1");
  });
  const fonts = streams.filter((stream) => stream.includes("beginbfchar")).map(readMap);
  const texts = streams.flatMap((stream) =>
    [...stream.matchAll(/\/([RB]) [\d.]+ Tf [-\d. ]+ Td <([0-9a-f]*)> Tj/g)].map(([, font, glyphs = ""]) => {
      const meanings = fonts[font === "B" ? 1 : 0];
      return (glyphs.match(/.{4}/g) ?? []).map((glyph) => meanings?.get(glyph) ?? "\ufffd").join("");
    }),
  );
  return texts.join(" ");
}

function readMap(stream: string): ReadonlyMap<string, string> {
  return new Map(
    [...stream.matchAll(/^<([0-9a-f]{4})><([0-9a-f]+)>$/gm)].map(([, glyph = "", text = ""]) => [
      glyph,
      Buffer.from(text, "hex").swap16().toString("utf16le"),
    ]),
  );
}
