/**
 * Tags by which a caller tells usage apart: a text such as `env=prod,team=search`, each key once and sorted by key; empty
 * without any. It needs no quoting in a header, a query or an array of PostgreSQL's.
 */
export type TagsText = string;

/** The header of a model call that names them. */
export const tagsHeader = "lyss-tags";

export const maxTags = 8;
/** Of a text with as many and as long tags as there may be. */
export const maxTagsLength = maxTags * 142;

const keyPattern = /^[a-z][a-z0-9_.-]{0,39}$/;
const valuePattern = /^[A-Za-z0-9_.:/@+-]{1,100}$/;

/** What tags look like, for people. */
export const tagsRule = {
  en_US: `at most ${maxTags} of key=value with commas in between; a key is 1 to 40 of a-z, 0-9, _, - and . beginning with a letter, and stands once; a value is 1 to 100 letters, digits and _ - . : / @ +`,
  zh_CN: `最多 ${maxTags} 个以逗号分隔的 key=value；键为 1 至 40 个字符（a-z、0-9、_、-、.，以字母开头），且不得重复；值为 1 至 100 个字符（字母、数字和 _ - . : / @ +）`,
} as const;

/** Tags as they are kept; spaces around them do not count. Undefined for a text that is none. */
export function parseTags(text: string): TagsText | undefined {
  if (text === "") return "";
  if (text.length > 2 * maxTagsLength) return undefined;
  const pairs = new Map<string, string>();
  for (const part of text.split(",")) {
    const [key = "", value = "", ...rest] = part.trim().split("=");
    const isTag = keyPattern.test(key) && valuePattern.test(value) && rest.length === 0;
    if (!isTag || pairs.has(key)) return undefined;
    pairs.set(key, value);
  }
  if (pairs.size > maxTags) return undefined;
  return [...pairs]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

/** True for a key that a tag may have. */
export function isTagKey(text: string): boolean {
  return keyPattern.test(text);
}

/** Tags by key. */
export function toTagRecord(tags: TagsText | undefined): Readonly<Record<string, string>> {
  return tags ? Object.fromEntries(tags.split(",").map((tag) => tag.split("=", 2) as [string, string])) : {};
}
