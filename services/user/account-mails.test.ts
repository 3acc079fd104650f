import assert from "node:assert/strict";
import { test } from "node:test";
import { writeAccountMail } from "./account-mails.ts";

const facts = { name: "Ann", organization: "Acme", inviter: "Mia", link: "https://lyss.example/account#accept=x" };

test("a mail says how long its link holds as people say it, and what a role is called in the reader's language", () => {
  const invite = (locale: "en_US" | "zh_CN", hours: string, role: string) =>
    writeAccountMail("invitation", { to: "ann@example.com", locale, facts: { ...facts, hours, role } }).text;
  assert.match(
    invite("en_US", "168", "member"),
    /join Acme with the role “Member”[\s\S]*The link is valid for 7 days\./,
  );
  assert.match(invite("en_US", "1", "support"), /the role “support”[\s\S]*The link is valid for 1 hour\./);
  assert.match(invite("zh_CN", "72", "viewer"), /以“只读”角色加入 Acme[\s\S]*链接在3天内有效。/);
  assert.match(invite("zh_CN", "24", "member"), /链接在24小时内有效。/);
});
