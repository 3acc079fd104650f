import type { Locale } from "../errors/failure.ts";

/** One thing that is wrong with the configuration. */
export interface ConfigProblem {
  /** The key's path, or the variable's name when no key has it. */
  readonly key: string;
  /** The value as it may be shown; undefined when there is none or it must not be named. */
  readonly value?: string | undefined;
  readonly reason: Readonly<Record<Locale, string>>;
  /** `lyss.yaml:12`, `LYSS_HTTP_PORT`, `flag http.port`; undefined for what nobody set. */
  readonly source?: string | undefined;
}

/** The configuration cannot be used. The message names every problem at once: key, value, reason and where it came from. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], locale: Locale = "en_US") {
    super(formatProblems(problems, locale));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** The message of a ConfigError in a language: a head line, then one line for each problem. */
export function formatProblems(problems: readonly ConfigProblem[], locale: Locale): string {
  const count = problems.length;
  const isChinese = locale === "zh_CN";
  const head = isChinese
    ? `配置有 ${count} 处问题：`
    : `The configuration has ${count} problem${count === 1 ? "" : "s"}:`;
  const lines = problems.map(({ key, value, reason, source }) => {
    const what = value === undefined ? key : `${key} = ${value}`;
    if (isChinese) return `  ${what}：${reason.zh_CN}${source === undefined ? "" : `（${source}）`}`;
    return `  ${what}: ${reason.en_US}${source === undefined ? "" : ` (${source})`}`;
  });
  return [head, ...lines].join("\n");
}

// By the parser's code: its own messages quote the file, which may hold secrets.
const syntaxErrors: Readonly<Record<string, readonly [en: string, zh: string]>> = {
  BAD_INDENT: ["the indentation does not fit the lines above", "缩进与上文不符"],
  TAB_AS_INDENT: ["indent with spaces, not tabs", "请用空格缩进，不要用制表符"],
  DUPLICATE_KEY: ["a key stands twice", "有重复的键"],
  MISSING_CHAR: ["a closing quote or bracket, or a colon or comma, is missing", "缺少引号、括号、冒号或逗号"],
  UNEXPECTED_TOKEN: ["something stands here that does not belong", "此处有多余的内容"],
  MULTILINE_IMPLICIT_KEY: ["a key must stand on one line and end with a colon", "键必须在同一行并以冒号结尾"],
  BLOCK_AS_IMPLICIT_KEY: ["a value with a colon in it must be quoted", "含冒号的值须加引号"],
  BAD_SCALAR_START: ["a value that starts with this character must be quoted", "以该字符开头的值须加引号"],
};

/** The reasons that are the loader's own; what is wrong with a value is said by its schema. */
export const reasons = {
  unknownKey: (nearest: string | undefined) => unknown("key", "配置项", nearest),
  unknownVariable: (nearest: string | undefined) => unknown("variable", "环境变量", nearest),
  notSet: (name: string) => ({ en_US: `the variable ${name} is not set`, zh_CN: `环境变量 ${name} 未设置` }),
  required: (env: string | undefined) => ({
    en_US: `is required; set it in the file${env === undefined ? "" : ` or as ${env}`}`,
    zh_CN: `为必填项，请在配置文件中${env === undefined ? "" : `或用 ${env} `}设置`,
  }),
  syntax: (code: string) => {
    const [en, zh] = syntaxErrors[code] ?? [code.toLowerCase().replaceAll("_", " "), code];
    return { en_US: `is not valid YAML: ${en}`, zh_CN: `不是有效的 YAML：${zh}` };
  },
  notMapping: { en_US: "must hold keys and values", zh_CN: "必须由键和值组成" },
  tooLarge: { en_US: "is larger than 1 MiB", zh_CN: "超过 1 MiB" },
  tooComplex: { en_US: "holds too much, or is nested too deep", zh_CN: "内容过多或嵌套过深" },
} as const;

function unknown(thing: string, thingZh: string, nearest: string | undefined) {
  if (nearest === undefined) return { en_US: `is not a known ${thing}`, zh_CN: `不是已知的${thingZh}` };
  return {
    en_US: `is not a known ${thing}; did you mean ${nearest}?`,
    zh_CN: `不是已知的${thingZh}，是否想写 ${nearest}？`,
  };
}
