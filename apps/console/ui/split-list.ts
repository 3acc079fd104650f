/** What somebody listed in a field: separated by commas, spaces or lines. */
export function splitList(text = ""): readonly string[] {
  return text.split(/[\s,，]+/).filter(Boolean);
}
