/** Characters that must not begin a line (w3.org/TR/clreq, "Line Start Prohibition"). */
const noStart = /^[，。、；：？！）》」』】〕％,.;:?!)\]}%…]/;
/** Characters that must not end one. */
const noEnd = /[（《「『【〔([{]$/;
/** A word with the spaces behind it, or a single character of a script that breaks anywhere. */
const pieces =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff00-\uffef]|[^\s\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff00-\uffef]+\s*|\s+/gu;

/**
 * The text in lines that are no wider than `width`: broken behind words and between Chinese characters, and within a word
 * that is wider than a line. At most `maxLines`; what is cut off is shown as an ellipsis.
 */
export function wrapText(
  text: string,
  width: number,
  measure: (text: string) => number,
  maxLines: number = Number.POSITIVE_INFINITY,
): readonly string[] {
  if (measure(text) <= width) return [text.trimEnd()];
  const lines: string[] = [];
  let line = "";
  for (const piece of splitWide(text.match(pieces) ?? [], width, measure)) {
    if (line === "" || measure((line + piece).trimEnd()) <= width) {
      line += piece;
      continue;
    }
    const [kept, moved] = splitLine(line, piece);
    const fits = measure((moved + piece).trimEnd()) <= width;
    lines.push((fits ? kept : line).trimEnd());
    line = fits ? moved + piece : piece;
  }
  lines.push(line.trimEnd());
  if (lines.length <= maxLines) return lines;
  const cut = lines.slice(0, maxLines);
  let last = cut.at(-1) ?? "";
  while (last !== "" && measure(`${last}…`) > width) last = Array.from(last).slice(0, -1).join("");
  return [...cut.slice(0, -1), `${last}…`];
}

/** What stays on a line and what goes to the next one with the piece that did not fit. */
function splitLine(line: string, piece: string): readonly [kept: string, moved: string] {
  if (!noStart.test(piece) && !noEnd.test(line)) return [line, ""];
  const characters = Array.from(line);
  return characters.length < 2 ? [line, ""] : [characters.slice(0, -1).join(""), characters.at(-1) ?? ""];
}

function* splitWide(words: readonly string[], width: number, measure: (text: string) => number): Generator<string> {
  for (const word of words) {
    let rest = word;
    while (measure(rest.trimEnd()) > width) {
      const characters = Array.from(rest);
      let count = characters.length - 1;
      while (count > 1 && measure(characters.slice(0, count).join("")) > width) count = Math.floor(count * 0.9);
      if (count < 1) break;
      // Names of models and paths are easier to read when they break behind their own marks.
      const mark = characters.slice(0, count).findLastIndex((character) => /[-/_.:]/.test(character)) + 1;
      if (mark > count / 3) count = mark;
      yield characters.slice(0, count).join("");
      rest = characters.slice(count).join("");
    }
    yield rest;
  }
}
