import type { Locale } from "@lyss/kit/errors/failure.ts";
import { pageStyle } from "@lyss/kit/http/page-style.ts";

/** `building` also while it is not yet known whether it must be. */
export type ConsoleState = "building" | "failed";

/** What the terminal says. */
export const progressLines: Readonly<Record<Locale, Readonly<Record<"building" | "built" | "failed", string>>>> = {
  en_US: {
    building: "\n  Building the web console, once; the API already works …\n",
    built: "  The web console is ready.\n",
    failed: "  The web console could not be built; the API runs without it. Open it to see what to do.\n",
  },
  zh_CN: {
    building: "\n  正在构建网页控制台（仅需一次），API 无需等待……\n",
    built: "  网页控制台已就绪。\n",
    failed: "  网页控制台构建失败，API 照常运行。打开控制台地址可查看处理办法。\n",
  },
};

const command = "npm install && npm run build --workspace apps/console";

const texts = {
  building: {
    en_US: [
      "The console is being built",
      "This happens once and takes a few seconds. The page reloads by itself. The API already works.",
    ],
    zh_CN: ["正在构建控制台", "仅需一次，几秒钟即可完成，本页会自动刷新。API 已可使用。"],
  },
  failed: {
    en_US: [
      "The console could not be built",
      "The API works. The log of the process says why it failed. In the project’s folder, run this command, then reload this page:",
    ],
    zh_CN: ["控制台构建失败", "API 可正常使用，失败原因见进程日志。请在项目目录运行以下命令，然后刷新本页："],
  },
} as const;

/** The page in place of the console: both languages, the reader's first. */
export function noticeOf(
  state: ConsoleState,
  locale: Locale,
): { readonly html: string; readonly retrySeconds?: number } {
  const order: readonly Locale[] = locale === "zh_CN" ? ["zh_CN", "en_US"] : ["en_US", "zh_CN"];
  const parts = order.map((one) => {
    const [title, text] = texts[state][one];
    return `<section lang="${one.replace("_", "-")}"><h1>${title}</h1><p>${text}</p></section>`;
  });
  const help = state === "failed" ? `<pre>${command.replace("&&", "&amp;&amp;")}</pre>` : "";
  const html = `<!doctype html>
<html lang="${order[0]?.replace("_", "-")}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Lyss</title><style>${pageStyle}</style></head>
<body><main>${parts.join("\n")}${help}</main></body>
</html>
`;
  return state === "building" ? { html, retrySeconds: 2 } : { html };
}
