import type { Locale } from "@lyss/kit/errors/failure.ts";
import { escapeHtml } from "@lyss/kit/http/escape-html.ts";
import { pageStyle, pageStyleSource } from "@lyss/kit/http/page-style.ts";

const texts = {
  en_US: {
    lang: "en",
    signIn: "Sign in to continue to {client}",
    email: "E-mail address",
    password: "Password",
    signInButton: "Sign in",
    factor: "Confirm that it is you to continue to {client}",
    code: "Code from your authenticator app, or a recovery code",
    goOn: "Continue",
    cancel: "Cancel",
    consent: "Allow {client} to use your account?",
    told: "It will be able to:",
    registered:
      "This app registered itself, and nobody has checked its name. You will be sent to {host}: allow it only if you have just started it yourself.",
    allow: "Allow",
    deny: "Deny",
    logout: "Do you want to sign out of Lyss as well?",
    logoutButton: "Sign out",
    stay: "Stay signed in",
    signedOut: "You are signed out.",
    failed: "This sign-in cannot continue",
    reason: "For the app’s developer: {reason}",
    startAgain: "Go back to the app that you came from and start again.",
    scopes: {
      openid: "recognise you",
      profile: "see your name",
      email: "see your e-mail address",
      groups: "see which groups you belong to",
      offline_access: "keep this access while you are away, for as long as you stay signed in here",
      "tool:call": "call tools on your behalf, at your organisation’s expense",
    },
  },
  zh_CN: {
    lang: "zh-CN",
    signIn: "登录以继续使用 {client}",
    email: "邮箱地址",
    password: "密码",
    signInButton: "登录",
    factor: "请验证身份以继续使用 {client}",
    code: "身份验证器应用中的验证码，或恢复码",
    goOn: "继续",
    cancel: "取消",
    consent: "允许 {client} 使用您的账户？",
    told: "允许后，它可以：",
    registered: "该应用自行注册，其名称未经核实。您将被带到 {host}：请仅在您刚刚亲自启动它时才允许。",
    allow: "允许",
    deny: "拒绝",
    logout: "是否同时退出 Lyss？",
    logoutButton: "退出",
    stay: "保持登录",
    signedOut: "您已退出登录。",
    failed: "无法继续此次登录",
    reason: "供应用开发者参考：{reason}",
    startAgain: "请返回您来自的应用并重新开始。",
    scopes: {
      openid: "识别您的身份",
      profile: "查看您的姓名",
      email: "查看您的邮箱地址",
      groups: "查看您所在的群组",
      offline_access: "在您保持登录期间持续拥有上述权限，即使您已离开",
      "tool:call": "以您的名义调用工具，费用由您的组织承担",
    },
  },
} as const;

/** Headers of a page; its forms lead here, and may then lead on to the addresses given. */
export function pageHeaders(leadsTo: readonly string[]): Record<string, string> {
  const origins = leadsTo.flatMap((url) => (URL.canParse(url) ? [sourceOf(new URL(url))] : []));
  const policy = [
    "default-src 'none'",
    `style-src ${pageStyleSource}`,
    `form-action ${["'self'", ...origins].join(" ")}`,
    ...["frame-ancestors 'none'", "base-uri 'none'"],
  ];
  return {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": policy.join("; "),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
  };
}

/** As a policy names it: a program's own scheme has no origin. */
function sourceOf({ origin, protocol }: URL): string {
  return origin === "null" ? protocol : origin;
}

/** Asks for address and password. */
export function signInPage(
  locale: Locale,
  { client, email, error }: { readonly client: string; readonly email: string; readonly error: string | undefined },
): string {
  const text = texts[locale];
  return page(
    locale,
    text.signIn.replace("{client}", () => client),
    `${alertOf(error)}
<form method="post">
<label for="email">${text.email}</label>
<input id="email" name="email" type="email" autocomplete="username" maxlength="254" required value="${escapeHtml(email)}">
<label for="password">${text.password}</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="200" required>
<button class="main" name="action" value="sign_in">${text.signInButton}</button>
<button name="action" value="cancel" formnovalidate>${text.cancel}</button>
</form>`,
  );
}

/** Asks for a second factor that can be typed. */
export function factorPage(
  locale: Locale,
  asked: { readonly client: string; readonly challenge: string; readonly error: string | undefined },
): string {
  const text = texts[locale];
  return page(
    locale,
    text.factor.replace("{client}", () => asked.client),
    `${alertOf(asked.error)}
<form method="post">
<input type="hidden" name="challenge" value="${escapeHtml(asked.challenge)}">
<label for="code">${text.code}</label>
<input id="code" name="code" autocomplete="one-time-code" maxlength="40" required>
<button class="main" name="action" value="prove">${text.goOn}</button>
<button name="action" value="cancel" formnovalidate>${text.cancel}</button>
</form>`,
  );
}

/** Asks whether the program may know who the person is. */
export function consentPage(
  locale: Locale,
  {
    client,
    scopes,
    returnTo,
  }: { readonly client: string; readonly scopes: readonly string[]; readonly returnTo: string | undefined },
): string {
  const text = texts[locale];
  const told = scopes.map((scope) => text.scopes[scope as keyof typeof text.scopes] ?? scope);
  return page(
    locale,
    text.consent.replace("{client}", () => client),
    `${returnTo === undefined ? "" : `<p>${escapeHtml(text.registered.replace("{host}", () => returnTo))}</p>`}<p>${text.told}</p>
<ul>${told.map((item) => `<li>${escapeHtml(item)}</li>`).join("")}</ul>
<form method="post">
<button class="main" name="action" value="allow">${text.allow}</button>
<button name="action" value="cancel">${text.deny}</button>
</form>`,
  );
}

/** `form` is the library's own, whose id is `op.logoutForm`. */
export function confirmLogoutPage(locale: Locale, form: string): string {
  const text = texts[locale];
  return page(
    locale,
    text.logout,
    `${form}
<button class="main" form="op.logoutForm" name="logout" value="yes">${text.logoutButton}</button>
<button form="op.logoutForm">${text.stay}</button>`,
  );
}

export function signedOutPage(locale: Locale): string {
  return page(locale, texts[locale].signedOut, "");
}

export function errorPage(locale: Locale, reason: string): string {
  return page(locale, texts[locale].failed, `${alertOf(reason)}<p>${texts[locale].startAgain}</p>`);
}

/** The same where the app asked in a way that it must not: the reason is for who wrote it, and in English. */
export function protocolErrorPage(locale: Locale, reason: string): string {
  return errorPage(
    locale,
    texts[locale].reason.replace("{reason}", () => reason),
  );
}

function alertOf(text: string | undefined): string {
  return text === undefined || text === "" ? "" : `<p class="error" role="alert">${escapeHtml(text)}</p>`;
}

function page(locale: Locale, title: string, body: string): string {
  return `<!doctype html>
<html lang="${texts[locale].lang}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(title)}</title><style>${pageStyle}</style></head>
<body><main><h1>${escapeHtml(title)}</h1>
${body}
</main></body>
</html>
`;
}
