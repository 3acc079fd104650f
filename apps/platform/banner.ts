import type { Locale } from "@lyss/kit/errors/failure.ts";
import type { FirstRun } from "./first-run.ts";

/** What a person reads when the platform is up for the first time. The only place where secrets are printed. */
export function firstRunBanner(made: FirstRun, model: string, file: string, locale: Locale): string {
  const words = texts[locale];
  const body = JSON.stringify({ model, messages: [{ role: "user", content: words.question }] });
  return `
  ${words.ready}  ${made.url}

  ${words.admin}  ${made.adminEmail}
  ${words.password}  ${made.adminPassword}
  ${words.apiKey}  ${made.apiKey}
  ${words.stored(file)}

  ${words.tryIt}

curl ${made.url}/v1/chat/completions \\
  -H "Authorization: Bearer ${made.apiKey}" \\
  -H "Content-Type: application/json" \\
  -d '${body}'

`;
}

/** What a person reads on every later start: no secrets. */
export function readyLine(url: string, locale: Locale): string {
  return `\n  ${texts[locale].ready}  ${url}\n\n`;
}

/** Labels fill eight columns; a Chinese character takes two. */
const texts = {
  en_US: {
    ready: "Lyss is ready at",
    admin: "Admin   ",
    password: "Password",
    apiKey: "API key ",
    question: "Say hello.",
    tryIt: "A first call, paid from 10 USD of play money:",
    stored: (file: string) => `Shown only now; also in ${file} (readable by you alone).`,
  },
  zh_CN: {
    ready: "Lyss 已就绪：",
    admin: "管理员  ",
    password: "密码    ",
    apiKey: "API 密钥",
    question: "你好，请打个招呼。",
    tryIt: "试试第一次调用，费用从 10 美元体验金中扣除：",
    stored: (file: string) => `仅此一次显示；同时保存在 ${file}（仅您可读）。`,
  },
} as const;
