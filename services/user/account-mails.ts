import type { Locale } from "@lyss/kit/errors/failure.ts";
import { html, type Mail } from "@lyss/kit/mail/mail.ts";

type Texts = Readonly<Record<Locale, { readonly subject: string; readonly lines: readonly string[] }>>;

/** What mails say; `{name}` and the like are filled in. A line that is `{link}` alone is the link. */
const texts = {
  verifyEmail: {
    en_US: {
      subject: "Confirm your e-mail address",
      lines: [
        "Hello {name},",
        "Open this link to confirm that this is your address:",
        "{link}",
        "The link is valid for {term}.",
      ],
    },
    zh_CN: {
      subject: "请确认您的邮箱地址",
      lines: ["{name}，您好：", "请打开以下链接，确认这是您的邮箱地址：", "{link}", "链接在{term}内有效。"],
    },
  },
  changeEmail: {
    en_US: {
      subject: "Confirm your new e-mail address",
      lines: [
        "Hello {name},",
        "Open this link to sign in with this address from now on:",
        "{link}",
        "The link is valid for {term}. If you did not ask for this, ignore this e-mail: your address stays the same.",
      ],
    },
    zh_CN: {
      subject: "请确认您的新邮箱地址",
      lines: [
        "{name}，您好：",
        "请打开以下链接，之后即可使用此邮箱地址登录：",
        "{link}",
        "链接在{term}内有效。如非本人操作，请忽略此邮件，您的邮箱地址不会改变。",
      ],
    },
  },
  emailChangeAsked: {
    en_US: {
      subject: "Your e-mail address is about to change",
      lines: [
        "Hello {name},",
        "Somebody who knows your password asked to replace this address with {email}. It changes once the new address is confirmed.",
        "If that was not you, set a new password now.",
      ],
    },
    zh_CN: {
      subject: "您的邮箱地址即将变更",
      lines: [
        "{name}，您好：",
        "有人使用您的密码申请将此邮箱地址更改为 {email}，新地址确认后即生效。",
        "如非本人操作，请立即修改密码。",
      ],
    },
  },
  emailChanged: {
    en_US: {
      subject: "Your e-mail address has changed",
      lines: ["Hello {name},", "From now on you sign in with {email}. If that was not you, tell your administrator."],
    },
    zh_CN: {
      subject: "您的邮箱地址已变更",
      lines: ["{name}，您好：", "您现在使用 {email} 登录。如非本人操作，请联系管理员。"],
    },
  },
  resetPassword: {
    en_US: {
      subject: "Set a new password",
      lines: [
        "Hello {name},",
        "Open this link to set a new password:",
        "{link}",
        "The link works once and is valid for {term}. If you did not ask for this, ignore this e-mail: your password stays the same.",
      ],
    },
    zh_CN: {
      subject: "设置新密码",
      lines: [
        "{name}，您好：",
        "请打开以下链接设置新密码：",
        "{link}",
        "链接在{term}内有效，且只能使用一次。如非本人操作，请忽略此邮件，您的密码不会改变。",
      ],
    },
  },
  passwordChanged: {
    en_US: {
      subject: "Your password was replaced",
      lines: [
        "Hello {name},",
        "Your password was replaced, and you were signed out everywhere else. If that was not you, set a new one now.",
      ],
    },
    zh_CN: {
      subject: "您的密码已更改",
      lines: ["{name}，您好：", "您的密码已更改，其他设备上的登录已退出。如非本人操作，请立即重新设置密码。"],
    },
  },
  budgetReached: {
    en_US: {
      subject: "You have used {percent}% of your limit",
      lines: [
        "Hello {name},",
        "You have used {percent}% of your limit ({unit}, {period}). It resets: {reset}.",
        "You can turn off these e-mails in your settings.",
      ],
    },
    zh_CN: {
      subject: "您的额度已使用 {percent}%",
      lines: [
        "{name}，您好：",
        "您的额度（{unit}，{period}）已使用 {percent}%。重置时间：{reset}。",
        "您可以在设置中关闭此类邮件。",
      ],
    },
  },
  factorsReset: {
    en_US: {
      subject: "Your second factors were reset",
      lines: [
        "Hello {name},",
        "An administrator reset your second factors and signed you out everywhere. For now, your password alone is enough to sign in; please set up a new second factor. If you did not ask for this, tell your administrator at once.",
      ],
    },
    zh_CN: {
      subject: "您的二次验证方式已被重置",
      lines: [
        "{name}，您好：",
        "管理员已重置您的二次验证方式，并退出您在所有设备上的登录，现在仅凭密码即可登录。请重新设置二次验证。如非您本人要求，请立即联系管理员。",
      ],
    },
  },
  exportAsked: {
    en_US: {
      subject: "A copy of your data was asked for",
      lines: [
        "Hello {name},",
        "An administrator of your organisation asked for a copy of the data kept about you. If that surprises you, ask them why.",
      ],
    },
    zh_CN: {
      subject: "有人申请导出您的数据",
      lines: ["{name}，您好：", "您所在组织的管理员申请导出与您相关的数据。如有疑问，请向管理员询问原因。"],
    },
  },
  exportReady: {
    en_US: {
      subject: "Your data is ready",
      lines: [
        "Hello {name},",
        "The copy of your data that you asked for is ready. Download it within {days} days. If you did not ask for it, set a new password now.",
      ],
    },
    zh_CN: {
      subject: "您的数据已可下载",
      lines: ["{name}，您好：", "您申请的数据副本已准备就绪，请在 {days} 天内下载。如非本人操作，请立即修改密码。"],
    },
  },
  register: {
    en_US: {
      subject: "Confirm your registration",
      lines: [
        "Hello {name},",
        "Open this link to complete your registration:",
        "{link}",
        "The link is valid for {term}. If you did not register, ignore this e-mail.",
      ],
    },
    zh_CN: {
      subject: "请确认您的注册",
      lines: [
        "{name}，您好：",
        "请打开以下链接完成注册：",
        "{link}",
        "链接在{term}内有效。如非本人操作，请忽略此邮件。",
      ],
    },
  },
  alreadyRegistered: {
    en_US: {
      subject: "You already have an account",
      lines: [
        "Hello {name},",
        "Somebody, perhaps you, tried to register with this address, which already has an account. Sign in, or reset your password if you forgot it.",
      ],
    },
    zh_CN: {
      subject: "您已有账户",
      lines: [
        "{name}，您好：",
        "有人（可能是您本人）尝试使用此邮箱地址注册，但该地址已有账户。请直接登录；如忘记密码，可申请重置。",
      ],
    },
  },
  invitation: {
    en_US: {
      subject: "You are invited to {organization}",
      lines: [
        "Hello,",
        "{inviter} invites you to join {organization} with the role “{role}”. Open this link to accept:",
        "{link}",
        "The link is valid for {term}.",
      ],
    },
    zh_CN: {
      subject: "邀请您加入 {organization}",
      lines: [
        "您好：",
        "{inviter} 邀请您以“{role}”角色加入 {organization}。请打开以下链接接受邀请：",
        "{link}",
        "链接在{term}内有效。",
      ],
    },
  },
  invitedElsewhere: {
    en_US: {
      subject: "You are invited",
      lines: [
        "Hello {name},",
        "You were invited to another organisation, but this address already has an account, and an address can belong to only one organisation. Ask to be invited with another address.",
      ],
    },
    zh_CN: {
      subject: "您收到一份邀请",
      lines: [
        "{name}，您好：",
        "您被邀请加入另一组织，但此邮箱地址已有账户，且一个地址只能属于一个组织。请让对方邀请您的其他邮箱地址。",
      ],
    },
  },
  impersonated: {
    en_US: {
      subject: "An operator is acting on your behalf",
      lines: [
        "Hello {name},",
        "An operator of this platform is acting on your behalf for the next {minutes} minutes. The reason given: {reason}",
        "You can see and end this in the list of your sessions, and everything done is recorded in your audit log. Passwords, second factors, keys and money cannot be touched.",
      ],
    },
    zh_CN: {
      subject: "运维人员正以您的名义操作",
      lines: [
        "{name}，您好：",
        "本平台的运维人员将在接下来的 {minutes} 分钟内以您的名义操作。所述原因：{reason}",
        "您可在会话列表中查看并结束此操作，所做的一切均记入您的审计日志。密码、验证方式、密钥和资金不会被更改。",
      ],
    },
  },
} satisfies Readonly<Record<string, Texts>>;

export type AccountMail = keyof typeof texts;

/** A mail in the reader's language. `link`, if there is one, is an address that we made. */
export function writeAccountMail(
  kind: AccountMail,
  { to, locale, facts }: { to: string; locale: Locale; facts: Readonly<Record<string, string>> },
): Mail {
  const { subject, lines } = (texts as Readonly<Record<AccountMail, Texts>>)[kind][locale];
  const { link = "", hours = "", role = "" } = facts;
  const words: Readonly<Record<string, string>> = {
    ...facts,
    term: termOf(Number(hours), locale),
    role: builtInRoles[locale][role] ?? role,
  };
  const fill = (line: string) => line.replace(/\{(\w+)\}/g, (_sign, name: string) => words[name] ?? "");
  const marked = lines.map((line) =>
    line === "{link}" ? html`<p><a href="${link}">${link}</a></p>` : html`<p>${fill(line)}</p>`,
  );
  return { to, subject: fill(subject), text: `${lines.map(fill).join("\n\n")}\n`, html: marked.join("\n") };
}

/** What people call the roles that every organisation has. */
const builtInRoles: Readonly<Record<Locale, Readonly<Record<string, string>>>> = {
  en_US: { owner: "Owner", admin: "Admin", member: "Member", viewer: "Viewer" },
  zh_CN: { owner: "所有者", admin: "管理员", member: "成员", viewer: "只读" },
};

/** As people say it: "1 hour", "7 days". */
function termOf(hours: number, locale: Locale): string {
  const isDays = hours >= 48 && hours % 24 === 0;
  const unit = { style: "unit", unit: isDays ? "day" : "hour", unitDisplay: "long" } as const;
  return new Intl.NumberFormat(locale.replace("_", "-"), unit).format(isDays ? hours / 24 : hours);
}
