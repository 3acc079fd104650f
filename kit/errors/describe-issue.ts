import type { z } from "zod";
import type { Locale } from "./failure.ts";

type RawIssue = z.core.$ZodRawIssue;
type Text = Readonly<Record<Locale, string>>;

const typeNames: Readonly<Record<string, Text>> = {
  string: { en_US: "a string", zh_CN: "字符串" },
  number: { en_US: "a number", zh_CN: "数字" },
  int: { en_US: "a whole number", zh_CN: "整数" },
  bigint: { en_US: "a whole number", zh_CN: "整数" },
  boolean: { en_US: "true or false", zh_CN: "true 或 false" },
  array: { en_US: "a list", zh_CN: "列表" },
  object: { en_US: "an object", zh_CN: "对象" },
  record: { en_US: "an object", zh_CN: "对象" },
  null: { en_US: "null", zh_CN: "null" },
  date: { en_US: "a date", zh_CN: "日期" },
};

const formatNames: Readonly<Record<string, Text>> = {
  url: { en_US: "a URL", zh_CN: "URL" },
  email: { en_US: "an e-mail address", zh_CN: "电子邮件地址" },
  uuid: { en_US: "a UUID", zh_CN: "UUID" },
  datetime: { en_US: "a time such as 2026-01-31T12:00:00Z", zh_CN: "时间，例如 2026-01-31T12:00:00Z" },
  date: { en_US: "a date such as 2026-01-31", zh_CN: "日期，例如 2026-01-31" },
  ipv4: { en_US: "an IPv4 address", zh_CN: "IPv4 地址" },
  ipv6: { en_US: "an IPv6 address", zh_CN: "IPv6 地址" },
  base64: { en_US: "base64", zh_CN: "base64 编码" },
  e164: { en_US: "a telephone number such as +8613800138000", zh_CN: "电话号码，例如 +8613800138000" },
};

const sizeUnits: Readonly<Record<string, readonly [one: string, many: string, zh: string]>> = {
  string: ["character", "characters", "个字符"],
  array: ["item", "items", "项"],
  set: ["item", "items", "项"],
  map: ["entry", "entries", "项"],
  record: ["entry", "entries", "项"],
  object: ["entry", "entries", "项"],
};

const comparisons = {
  low: ["at least", "不得小于"],
  lowExclusive: ["greater than", "必须大于"],
  high: ["at most", "不得大于"],
  highExclusive: ["less than", "必须小于"],
} as const;

/** What a value must be, as the end of a sentence that starts with the field's name. Never repeats the value itself. */
export function describeIssue(issue: RawIssue): Text {
  switch (issue.code) {
    case "invalid_type":
      return describeType(issue.expected, issue.input);
    case "too_small":
    case "too_big":
      return describeBound(issue);
    case "invalid_format":
      return describeFormat(issue);
    case "invalid_value":
      return mustBe(oneOf(issue.values, ", ", "or"), oneOf(issue.values, "、", "或"));
    case "not_multiple_of":
      return mustBe(`a multiple of ${issue.divisor}`, `${issue.divisor} 的倍数`);
    case "unrecognized_keys":
      return { en_US: "is not a known field; leave it out", zh_CN: "不是已知字段，请去掉" };
    case "invalid_key":
      return { en_US: "is not an allowed name", zh_CN: "不是允许的名称" };
    case "invalid_union":
      if (Array.isArray(issue.options))
        return mustBe(oneOf(issue.options, ", ", "or"), oneOf(issue.options, "、", "或"));
      return { en_US: "has none of the allowed forms", zh_CN: "不符合任何允许的形式" };
    default:
      return { en_US: "is not valid", zh_CN: "无效" };
  }
}

function describeType(expected: string, input: unknown): Text {
  if (input === undefined) return { en_US: "is required", zh_CN: "为必填项" };
  const want = typeNames[expected] ?? { en_US: `a value of type ${expected}`, zh_CN: ` ${expected} 类型的值` };
  const got = typeNames[input === null ? "null" : Array.isArray(input) ? "array" : typeof input];
  if (!got || got === want || expected === "int") return mustBe(want.en_US, want.zh_CN);
  return mustBe(`${want.en_US}, not ${got.en_US}`, `${want.zh_CN}，而不是${got.zh_CN}`);
}

function describeBound(issue: RawIssue & { code: "too_small" | "too_big" }): Text {
  const isLow = issue.code === "too_small";
  const bound = isLow ? issue.minimum : issue.maximum;
  const unit = sizeUnits[issue.origin ?? ""];
  if (unit) {
    if (isLow && Number(bound) === 1) return { en_US: "must not be empty", zh_CN: "不能为空" };
    const limit = issue.exact ? "exactly" : isLow ? "at least" : "at most";
    const limitZh = issue.exact ? "必须为" : isLow ? "至少为" : "最多为";
    const noun = Number(bound) === 1 ? unit[0] : unit[1];
    return { en_US: `must have ${limit} ${bound} ${noun}`, zh_CN: `${limitZh} ${bound} ${unit[2]}` };
  }
  const [en, zh] = comparisons[`${isLow ? "low" : "high"}${issue.inclusive === false ? "Exclusive" : ""}`];
  return { en_US: `must be ${en} ${bound}`, zh_CN: `${zh} ${bound}` };
}

function describeFormat(issue: RawIssue & { code: "invalid_format" }): Text {
  const name = formatNames[issue.format ?? ""];
  if (name) return mustBe(name.en_US, name.zh_CN);
  if (issue.format === "starts_with") return must(`start with "${issue.prefix}"`, `以“${issue.prefix}”开头`);
  if (issue.format === "ends_with") return must(`end with "${issue.suffix}"`, `以“${issue.suffix}”结尾`);
  if (issue.format === "includes") return must(`contain "${issue.includes}"`, `包含“${issue.includes}”`);
  if (issue.pattern) return must(`match ${issue.pattern}`, `匹配 ${issue.pattern}`);
  return mustBe(`a valid ${issue.format}`, `有效的 ${issue.format}`);
}

function must(en: string, zh: string): Text {
  return { en_US: `must ${en}`, zh_CN: `必须${zh}` };
}

function mustBe(en: string, zh: string): Text {
  return { en_US: `must be ${en}`, zh_CN: `必须是${/^[\u4e00-\u9fff ]/.test(zh) ? "" : " "}${zh}` };
}

function oneOf(values: readonly unknown[], comma: string, or: string): string {
  const names = values.slice(0, 20).map(String);
  if (values.length > names.length) names.push("…");
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(comma)} ${or} ${names.at(-1)}`;
}
