import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { scimLimits } from "./attributes.ts";

const comparisons = ["eq", "ne", "co", "sw", "ew"] as const;
export type Comparison = (typeof comparisons)[number];

/** A condition on resources, or on the values of one attribute (RFC 7644, 3.4.2.2). */
export type Filter =
  | { readonly kind: "and" | "or"; readonly left: Filter; readonly right: Filter }
  | { readonly kind: "not"; readonly inner: Filter }
  | { readonly kind: "present"; readonly attribute: string }
  | {
      readonly kind: "compare";
      readonly comparison: Comparison;
      /** In lower case, without the schema of its kind in front. */
      readonly attribute: string;
      readonly value: string | boolean | number | null;
    };

// A text as JSON writes it, a parenthesis, or a word.
const token = /\s*(?:("(?:[^"\\]|\\.)*")|([()])|([^\s()"]+))/y;

/**
 * The condition that a text says. Attributes and operators in whatever case; `and` binds more tightly than `or`. Throws
 * `scim_filter_invalid` for another grammar, more than 1,000 characters, or more than 20 comparisons.
 */
export function parseFilter(text: string): Filter {
  if (text.length > scimLimits.filterLength) {
    const limit = scimLimits.filterLength;
    throw refuse(`has more than ${limit} characters`, `超过 ${limit} 个字符`);
  }
  const tokens = tokenize(text);
  let next = 0;
  let terms = 0;
  const peek = () => tokens[next]?.toLowerCase();
  const take = () => tokens[next++] ?? "";

  function parseOr(): Filter {
    let left = parseAnd();
    while (peek() === "or") {
      take();
      left = { kind: "or", left, right: parseAnd() };
    }
    return left;
  }

  function parseAnd(): Filter {
    let left = parseTerm();
    while (peek() === "and") {
      take();
      left = { kind: "and", left, right: parseTerm() };
    }
    return left;
  }

  function parseTerm(): Filter {
    if (++terms > scimLimits.filterTerms) {
      throw refuse(`has more than ${scimLimits.filterTerms} parts`, `超过 ${scimLimits.filterTerms} 个部分`);
    }
    if (peek() === "not") {
      take();
      if (peek() !== "(") throw refuse("wants ( after not", "not 之后须为 (");
      return { kind: "not", inner: parseGroup() };
    }
    return peek() === "(" ? parseGroup() : parseComparison();
  }

  function parseGroup(): Filter {
    take();
    const inner = parseOr();
    if (take() !== ")") throw refuse("wants a ) more", "缺少 )");
    return inner;
  }

  function parseComparison(): Filter {
    const attribute = toAttribute(take());
    const operator = take().toLowerCase();
    if (operator === "pr") return { kind: "present", attribute };
    const comparison = comparisons.find((one) => one === operator);
    if (!comparison) throw refuse("does not know the operator", "包含未知的运算符");
    return { kind: "compare", comparison, attribute, value: toValue(take()) };
  }

  const filter = parseOr();
  if (next < tokens.length) throw refuse("goes on behind its end", "结尾之后还有内容");
  return filter;
}

function tokenize(text: string): readonly string[] {
  const tokens: string[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.trimEnd().length) {
    const found = token.exec(text);
    if (!found) throw refuse("has a text without an end", "包含未结束的文本");
    tokens.push(found[1] ?? found[2] ?? found[3] ?? "");
  }
  return tokens;
}

function toAttribute(word: string): string {
  const name = word.toLowerCase().replace(/^urn:ietf:params:scim:schemas:core:2\.0:(?:user|group):/, "");
  if (!/^[a-z$][a-z0-9._:$-]*$/.test(name)) throw refuse("wants an attribute's name", "须为属性名");
  return name;
}

function toValue(word: string): string | boolean | number | null {
  try {
    const value: unknown = JSON.parse(/^(true|false|null)$/i.test(word) ? word.toLowerCase() : word);
    if (value === null || ["string", "boolean", "number"].includes(typeof value)) return value as string;
  } catch {
    // Said below.
  }
  throw refuse('wants a value such as "text", true or 7', '须为值，例如 "text"、true 或 7');
}

/** Says what is wrong with a filter. */
export function refuse(reason: string, reason_zh_CN: string): Failure {
  return new Failure(ssoFailures.scim_filter_invalid, { reason, reason_zh_CN });
}

/** Whether a value of an attribute with several is meant; letters of texts count in whatever case. */
export function matches(filter: Filter, value: Readonly<Record<string, unknown>>): boolean {
  if ("left" in filter) {
    const isLeft = matches(filter.left, value);
    return filter.kind === "and" ? isLeft && matches(filter.right, value) : isLeft || matches(filter.right, value);
  }
  if (filter.kind === "not") return !matches(filter.inner, value);
  const name = Object.keys(value).find((one) => one.toLowerCase() === filter.attribute);
  const found = name === undefined ? undefined : value[name];
  if (filter.kind === "present") return found !== undefined && found !== null && found !== "";
  return compare(filter.comparison, found, filter.value);
}

function compare(comparison: Comparison, found: unknown, wanted: unknown): boolean {
  if (typeof found !== "string" || typeof wanted !== "string") {
    if (comparison === "eq") return found === wanted;
    return comparison === "ne" && found !== wanted;
  }
  const [text, part] = [found.toLowerCase(), wanted.toLowerCase()];
  if (comparison === "eq") return text === part;
  if (comparison === "ne") return text !== part;
  if (comparison === "sw") return text.startsWith(part);
  return comparison === "ew" ? text.endsWith(part) : text.includes(part);
}
