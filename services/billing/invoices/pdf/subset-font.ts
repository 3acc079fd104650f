import { type FontFace, tableOf } from "./font-face.ts";

const instructionTables = ["cvt ", "fpgm", "prep"];
const hasMore = 0x20;

/**
 * The font with the outlines of these glyphs only, as a TrueType file to be embedded. Glyphs keep their numbers, so nothing
 * that refers to one has to be rewritten; what is left out compresses to nothing.
 */
export function subsetFont(face: FontFace, used: Iterable<number>): Buffer {
  const glyf = tableOf(face.tables, "glyf");
  const kept = withParts(face, glyf, used);
  const loca = Buffer.alloc((face.glyphCount + 1) * 4);
  const outlines: Buffer[] = [];
  let length = 0;
  for (let glyph = 0; glyph < face.glyphCount; glyph++) {
    loca.writeUInt32BE(length, glyph * 4);
    if (!kept.has(glyph)) continue;
    const [start, end] = face.outlineOf(glyph);
    const padding = -(end - start) & 3;
    outlines.push(glyf.subarray(start, end), Buffer.alloc(padding));
    length += end - start + padding;
  }
  loca.writeUInt32BE(length, face.glyphCount * 4);
  const head = Buffer.from(tableOf(face.tables, "head"));
  head.writeInt16BE(1, 50);
  const instructions = instructionTables.flatMap((tag): [string, Buffer][] => {
    const table = face.tables.get(tag);
    return table ? [[tag, table]] : [];
  });
  return joinTables([
    ...instructions,
    ["glyf", Buffer.concat(outlines)],
    ["head", head],
    ["hhea", tableOf(face.tables, "hhea")],
    ["hmtx", keptMetrics(face, kept)],
    ["loca", loca],
    ["maxp", tableOf(face.tables, "maxp")],
  ]);
}

/** With the glyphs that compound glyphs are made of, and the one that stands for all that is missing. */
function withParts(face: FontFace, glyf: Buffer, used: Iterable<number>): ReadonlySet<number> {
  const kept = new Set([0, ...used]);
  for (const glyph of kept) {
    const [start, end] = face.outlineOf(glyph);
    if (end - start < 10 || glyf.readInt16BE(start) >= 0) continue;
    for (let at = start + 10; ; ) {
      const flags = glyf.readUInt16BE(at);
      kept.add(glyf.readUInt16BE(at + 2));
      if (!(flags & hasMore)) break;
      at += 4 + argumentBytes(flags);
    }
  }
  return kept;
}

/** Of a component: its place in bytes or words, and a scale, two, or a matrix of four. */
function argumentBytes(flags: number): number {
  const place = flags & 0x01 ? 4 : 2;
  if (flags & 0x08) return place + 2;
  if (flags & 0x40) return place + 4;
  return flags & 0x80 ? place + 8 : place;
}

function keptMetrics(face: FontFace, kept: ReadonlySet<number>): Buffer {
  const hmtx = Buffer.from(tableOf(face.tables, "hmtx"));
  const metricCount = tableOf(face.tables, "hhea").readUInt16BE(34);
  for (let glyph = 0; glyph < metricCount; glyph++) if (!kept.has(glyph)) hmtx.fill(0, glyph * 4, glyph * 4 + 4);
  return hmtx;
}

/** A font file of these tables, which stand in the order of their tags. */
function joinTables(tables: readonly (readonly [tag: string, table: Buffer])[]): Buffer {
  const power = Math.floor(Math.log2(tables.length));
  const directory = Buffer.alloc(12 + tables.length * 16);
  directory.writeUInt32BE(0x00010000, 0);
  directory.writeUInt16BE(tables.length, 4);
  directory.writeUInt16BE(2 ** power * 16, 6);
  directory.writeUInt16BE(power, 8);
  directory.writeUInt16BE((tables.length - 2 ** power) * 16, 10);
  const parts: Buffer[] = [directory];
  let start = directory.length;
  for (const [i, [tag, table]] of tables.entries()) {
    const at = 12 + i * 16;
    directory.write(tag, at, "latin1");
    directory.writeUInt32BE(checksum(table), at + 4);
    directory.writeUInt32BE(start, at + 8);
    directory.writeUInt32BE(table.length, at + 12);
    const padding = -table.length & 3;
    parts.push(table, Buffer.alloc(padding));
    start += table.length + padding;
  }
  return Buffer.concat(parts);
}

function checksum(table: Buffer): number {
  const padded = Buffer.concat([table, Buffer.alloc(-table.length & 3)]);
  let sum = 0;
  for (let at = 0; at < padded.length; at += 4) sum = (sum + padded.readUInt32BE(at)) >>> 0;
  return sum;
}
