/**
 * The simulated models' own tokens. The rule, so that anyone can count along:
 * - a run of letters, digits and `_` below U+2000 is one token per 16 UTF-16 units begun;
 * - every other character is a token by itself: ASCII punctuation, and from U+2000 on CJK, kana, Hangul, emoji, signs;
 * - white space (up to U+0020) belongs to the token after it; at the end of a text it is one token.
 * Joining the tokens gives the text back, and the first k tokens of a text are k tokens when counted again.
 */
const wordUnits = 16;
const wordEnd = 0x2000;
const isAsciiWord = Uint8Array.from({ length: 128 }, (_, code) => Number(/\w/.test(String.fromCharCode(code))));

/** A message's own cost on top of its text. */
const messageTokens = 4;
/** What the start of the answer costs in every chat prompt. */
const answerStartTokens = 3;
/** An image, a sound or a file, whatever its size. */
const mediaPartTokens = 100;
/** Deeper parts of a tool definition are not counted; the simulator refuses schemas as deep as that. */
const maxDepth = 64;

function isWord(code: number): boolean {
  return code < 128 ? isAsciiWord[code] === 1 : code < wordEnd;
}

function isSurrogatePair(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00;
}

function findTokenEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length && text.charCodeAt(at) <= 0x20) at++;
  if (at === text.length) return at;
  if (!isWord(text.charCodeAt(at))) return at + (isSurrogatePair(text, at) ? 2 : 1);
  const limit = Math.min(text.length, at + wordUnits);
  do at++;
  while (at < limit && isWord(text.charCodeAt(at)));
  return at;
}

/** The number of tokens in a text. Pure; takes some nanoseconds per character. */
export function countSimulatedTokens(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at = findTokenEnd(text, at)) count++;
  return count;
}

/** The first `limit` tokens of a text, in order. */
export function splitSimulatedTokens(text: string, limit = Number.POSITIVE_INFINITY): string[] {
  const tokens: string[] = [];
  for (let at = 0; at < text.length && tokens.length < limit; ) {
    const end = findTokenEnd(text, at);
    tokens.push(text.slice(at, end));
    at = end;
  }
  return tokens;
}

/**
 * Prompt tokens of `messages` and `tools` of a chat request: 3, and per message 4 + its text (content, refusal, name) +
 * 100 per part that is not text + for each tool call 1 + its name and arguments; and every key and value of `tools`.
 * Takes what `JSON.parse` gave; what does not have the shape of a message counts nothing, since it is refused anyway.
 */
export function countSimulatedPrompt(messages: unknown, tools?: unknown): number {
  let count = answerStartTokens + countDeep(tools, 0);
  if (!Array.isArray(messages)) return count;
  for (const message of messages) {
    const { content, name, refusal, tool_calls: calls } = fieldsOf(message);
    count += messageTokens + countContent(content) + countText(name) + countText(refusal);
    if (!Array.isArray(calls)) continue;
    for (const call of calls) {
      const { name: toolName, arguments: toolArguments } = fieldsOf(fieldsOf(call).function);
      count += 1 + countText(toolName) + countText(toolArguments);
    }
  }
  return count;
}

/** Tokens of the `prompt` of a completion or the `input` of an embedding: a text, token ids, or a list of either. */
export function countSimulatedInput(input: unknown): number {
  return countNested(input, 2);
}

function countNested(input: unknown, levels: number): number {
  if (typeof input === "string") return countSimulatedTokens(input);
  if (typeof input === "number") return 1;
  if (!Array.isArray(input) || levels === 0) return 0;
  let count = 0;
  for (const item of input) count += countNested(item, levels - 1);
  return count;
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function countText(value: unknown): number {
  return typeof value === "string" ? countSimulatedTokens(value) : 0;
}

function countContent(content: unknown): number {
  if (!Array.isArray(content)) return countText(content);
  let count = 0;
  for (const part of content) {
    const { type, text, refusal } = fieldsOf(part);
    count += type === "text" || type === "refusal" ? countText(text) + countText(refusal) : mediaPartTokens;
  }
  return count;
}

function countDeep(value: unknown, depth: number): number {
  if (typeof value === "string") return countSimulatedTokens(value);
  if (typeof value !== "object") return value === undefined ? 0 : 1;
  if (value === null) return 1;
  if (depth === maxDepth) return 0;
  let count = 0;
  for (const [key, item] of Object.entries(value)) {
    count += (Array.isArray(value) ? 0 : countSimulatedTokens(key)) + countDeep(item, depth + 1);
  }
  return count;
}
