import { failureText, isFailure, type Locale } from "@lyss/kit/errors/failure.ts";
import { escapeHtml } from "@lyss/kit/http/escape-html.ts";
import { pageStyle, pageStyleSource } from "@lyss/kit/http/page-style.ts";
import { WholeAnswer } from "@lyss/kit/http/whole-answer.ts";

/** Request headers that a route for browsers reads. */
export const forBrowsers = ["accept"];

const headers = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": `default-src 'none'; style-src ${pageStyleSource}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  "referrer-policy": "no-referrer",
} as const;

interface BrowserRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly locale: Locale;
}

/** Where a browser is sent, with the cookie that it takes along. */
interface Step {
  readonly location: string;
  readonly cookie?: string;
}

/**
 * Sends the browser on; what is refused is a small page without script, in the person's language, for whoever asks for HTML,
 * and is thrown for everybody else. After a form (`isPosted`) the browser goes on with GET (RFC 9110, 15.4.4).
 */
export async function answerBrowser(
  request: BrowserRequest,
  work: () => Promise<Step>,
  { isPosted = false } = {},
): Promise<WholeAnswer> {
  try {
    const { location, cookie } = await work();
    const set = cookie === undefined ? {} : { "set-cookie": cookie };
    return new WholeAnswer(isPosted ? 303 : 302, { location, ...set, "referrer-policy": "no-referrer" });
  } catch (err) {
    // What is ours to look after is left to the edge, which logs it.
    if (!isFailure(err) || err.type.httpStatus >= 500 || !wantsPage(request.headers["accept"])) throw err;
    const { type, details } = err;
    const language = request.locale.replace("_", "-");
    const page = toPage(language, failureText(type, details, request.locale), type.publicCode);
    return new WholeAnswer(type.httpStatus, { ...headers, "content-language": language }, page);
  }
}

/** A browser names HTML first; a program that takes anything wants data. */
function wantsPage(accept = ""): boolean {
  return /^\s*text\/html\b/i.test(accept);
}

function toPage(language: string, text: string, code: string): string {
  const title = language.startsWith("zh") ? "登录未完成" : "Sign-in did not complete";
  return `<!doctype html>
<html lang="${language}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${title}</title><style>${pageStyle}</style></head>
<body><main><h1>${title}</h1><p>${escapeHtml(text)}</p><p><small>${code}</small></p></main></body>
</html>
`;
}
