import { createHash } from "node:crypto";
import { pageStyle, pageStyleSource } from "@lyss/kit/http/page-style.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import type { UserOps } from "./ops.ts";

const { raw } = routesFor<UserOps>();

/** What the page does by the word behind `#`: where it posts the token, what else it asks for, and what it says. */
const script = `"use strict";
const zh = navigator.language.toLowerCase().startsWith("zh");
const say = (en, cn) => (zh ? cn : en);
const actions = {
  verify: ["/api/v1/users/verify-email", [], say("Confirm this e-mail address", "确认邮箱地址"),
    say("Press the button to confirm that this address is yours.", "请点击按钮，确认此邮箱地址属于您。")],
  register: ["/api/v1/users/register/confirm", [], say("Complete the registration", "完成注册"),
    say("Press the button to create your account. Then sign in with the password you chose.", "请点击按钮创建账户，随后使用注册时设置的密码登录。")],
  accept: ["/api/v1/invitations/accept", ["name", "password"], say("Accept the invitation", "接受邀请"),
    say("Enter the name that others will see, and choose a password.", "请填写他人可见的姓名，并设置密码。")],
  reset: ["/api/v1/users/password-reset/confirm", ["password"], say("Set a new password", "设置新密码"),
    say("A new password signs you out everywhere.", "设置新密码后，您在所有设备上的登录都会退出。")],
};
const labels = { name: say("Your name", "姓名"), password: say("New password, at least 12 characters", "新密码，至少 12 个字符") };
const [word, token] = location.hash.slice(1).split("=");
history.replaceState(null, "", location.pathname);
// Another mail's link, opened where this page is open already, is a page of its own.
addEventListener("hashchange", () => location.reload());
const main = document.querySelector("main");
const told = document.createElement("p");
told.setAttribute("role", "status");
// A link that was cut short on its way is told as one, not as a field that nobody sees.
const whyNot = ({ message_i18n, details }) => details?.field === "token"
  ? say("This link is incomplete. Open it again from the e-mail.", "此链接不完整，请重新从邮件中打开。")
  : message_i18n[zh ? "zh_CN" : "en_US"];
const tell = (text, isWrong = false) => { told.className = isWrong ? "error" : ""; told.textContent = text; main.append(told); };
/** Leads on to the console, where this platform has one. */
const lead = async (path, text) => {
  const answer = await fetch(path, { headers: { accept: "text/html" } }).catch(() => undefined);
  if (!answer?.ok) return;
  const line = document.createElement("p");
  const link = document.createElement("a");
  Object.assign(link, { href: path, textContent: text });
  line.append(link);
  main.append(line);
};
const action = Object.hasOwn(actions, word) ? actions[word] : undefined;
document.documentElement.lang = zh ? "zh-CN" : "en";
const head = (text) => { document.querySelector("h1").textContent = text; document.title = text + " · Lyss"; };
if (!action || !token) {
  head(say("Nothing to do here", "没有待办事项"));
  tell(say("This page opens from a link in an e-mail. Open the link in your e-mail again.", "此页面需从邮件中的链接打开。请重新打开邮件中的链接。"));
  lead("/settings", say("Sign in to your account", "登录并管理您的账户"));
} else {
  const [path, fields, title, hint] = action;
  head(title);
  const line = document.createElement("p");
  line.textContent = hint;
  main.append(line);
  const form = document.createElement("form");
  for (const field of fields) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    Object.assign(input, { name: field, required: true, type: field === "password" ? "password" : "text" });
    if (field === "password") input.minLength = 12;
    input.autocomplete = field === "password" ? "new-password" : "name";
    label.append(labels[field], input);
    form.append(label);
  }
  const button = document.createElement("button");
  button.className = "main";
  button.textContent = title;
  form.append(button);
  main.append(form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    const body = { token, ...Object.fromEntries(new FormData(form)) };
    const headers = { "content-type": "application/json", "accept-language": zh ? "zh-CN" : "en" };
    try {
      const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
      const { error } = await answer.json();
      tell(answer.ok ? say("Done. You can close this page.", "已完成，可以关闭此页面。") : whyNot(error), !answer.ok);
      if (answer.ok) {
        line.remove();
        form.remove();
        lead("/settings", say("Sign in to your account", "登录并管理您的账户"));
      }
    } catch {
      tell(say("The server cannot be reached. Try again.", "无法连接服务器，请重试。"), true);
    }
    button.disabled = false;
  });
}`;

const page = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Lyss</title><style>${pageStyle}</style><main><h1>Lyss</h1></main><script>${script}</script></html>
`;

const hashOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const headers = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": `default-src 'none'; script-src ${hashOf(script)}; style-src ${pageStyleSource}; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
};

/**
 * The page that links in mails open. A link alone changes nothing, for mail programs follow links by themselves: the person
 * presses a button. The token stands behind `#`, which no server and no referrer sees.
 */
export const accountPage = raw({
  method: "GET",
  path: "/account",
  permission: "public",
  operation: "showAccountPage",
  summary: "The page that links in mails open, for people.",
  bodyLimitBytes: 0,
  async handle(_ops, { res }) {
    res.writeHead(200, headers).end(page);
  },
});
