import { unpackWoff } from "./woff.ts";

/** A TrueType font, as far as text is set with it (learn.microsoft.com/typography/opentype/spec). */
export interface FontFace {
  readonly name: string;
  readonly tables: ReadonlyMap<string, Buffer>;
  readonly glyphCount: number;
  /** The glyph of a character; 0 when the font has none. */
  glyphOf(codePoint: number): number;
  /** How wide a glyph is, in thousandths of the font's size. */
  widthOf(glyph: number): number;
  /** Where a glyph's outline lies in `glyf`. */
  outlineOf(glyph: number): readonly [start: number, end: number];
}

/** Reads a font from a WOFF file with TrueType outlines. Throws when a table is missing or of a kind that is not known here. */
export function readFontFace(name: string, file: Buffer): FontFace {
  const tables = unpackWoff(file);
  const table = (tag: string) => tableOf(tables, tag);
  const unitsPerEm = table("head").readUInt16BE(18);
  const isLong = table("head").readInt16BE(50) === 1;
  const glyphCount = table("maxp").readUInt16BE(4);
  const metricCount = table("hhea").readUInt16BE(34);
  const [hmtx, loca] = [table("hmtx"), table("loca")];
  const glyphs = readCharacterMap(table("cmap"));
  const offsetOf = (glyph: number) => (isLong ? loca.readUInt32BE(glyph * 4) : loca.readUInt16BE(glyph * 2) * 2);
  return {
    name,
    tables,
    glyphCount,
    glyphOf: (codePoint) => glyphs.get(codePoint) ?? 0,
    widthOf: (glyph) => (hmtx.readUInt16BE(Math.min(glyph, metricCount - 1) * 4) * 1_000) / unitsPerEm,
    outlineOf: (glyph) => [offsetOf(glyph), offsetOf(glyph + 1)],
  };
}

/** A table that must be there. */
export function tableOf(tables: ReadonlyMap<string, Buffer>, tag: string): Buffer {
  const table = tables.get(tag);
  if (!table) throw new TypeError(`the font has no table ${tag}`);
  return table;
}

function readCharacterMap(cmap: Buffer): ReadonlyMap<number, number> {
  const count = cmap.readUInt16BE(2);
  const subtables = Array.from({ length: count }, (_, i) => cmap.subarray(cmap.readUInt32BE(8 + i * 8)));
  const glyphs = new Map<number, number>();
  for (const subtable of subtables) {
    const format = subtable.readUInt16BE(0);
    if (format === 4) readSegments(subtable, glyphs);
    if (format === 12) readGroups(subtable, glyphs);
  }
  if (glyphs.size === 0) throw new TypeError("the font has no character map of format 4 or 12");
  return glyphs;
}

/** Format 4: segments of the Basic Multilingual Plane. */
function readSegments(table: Buffer, glyphs: Map<number, number>): void {
  const doubled = table.readUInt16BE(6);
  for (let i = 0; i < doubled; i += 2) {
    const last = table.readUInt16BE(14 + i);
    const first = table.readUInt16BE(16 + doubled + i);
    const delta = table.readUInt16BE(16 + doubled * 2 + i);
    const rangeAt = 16 + doubled * 3 + i;
    const range = table.readUInt16BE(rangeAt);
    for (let codePoint = first; codePoint <= last && codePoint < 0xffff; codePoint++) {
      const glyph = range === 0 ? codePoint : table.readUInt16BE(rangeAt + range + (codePoint - first) * 2);
      if (glyph !== 0) glyphs.set(codePoint, (glyph + delta) & 0xffff);
    }
  }
}

/** Format 12: groups of characters of any plane. */
function readGroups(table: Buffer, glyphs: Map<number, number>): void {
  const count = table.readUInt32BE(12);
  for (let i = 0; i < count; i++) {
    const at = 16 + i * 12;
    const [first, last, glyph] = [table.readUInt32BE(at), table.readUInt32BE(at + 4), table.readUInt32BE(at + 8)];
    for (let codePoint = first; codePoint <= last; codePoint++) glyphs.set(codePoint, glyph + codePoint - first);
  }
}
