/** Entries of one block. */
const maxEntries = 100;

/** What each glyph means (ISO 32000-1, 9.10.3), so that text can be found and copied. */
export function toUnicodeMap(meanings: ReadonlyMap<number, number>): string {
  const entries = [...meanings]
    .sort(([a], [b]) => a - b)
    .map(([glyph, codePoint]) => {
      const text = Buffer.from(String.fromCodePoint(codePoint), "utf16le").swap16().toString("hex");
      return `<${glyph.toString(16).padStart(4, "0")}><${text}>`;
    });
  const blocks: string[] = [];
  for (let i = 0; i < entries.length; i += maxEntries) {
    const block = entries.slice(i, i + maxEntries);
    blocks.push(`${block.length} beginbfchar\n${block.join("\n")}\nendbfchar`);
  }
  return `/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def
/CMapName/Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000><ffff>
endcodespacerange
${blocks.join("\n")}
endcmap
CMapName currentdict /CMap defineresource pop
end
end
`;
}
