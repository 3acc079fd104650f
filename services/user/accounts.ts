import type { Tx } from "@lyss/kit/db/database.ts";
import type { Locale } from "@lyss/kit/errors/failure.ts";
import type { MailOutbox } from "@lyss/kit/mail/mail-outbox.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import { type AccountMail, writeAccountMail } from "./account-mails.ts";
import type { Account, AccountStore, TokenPurpose } from "./account-store.ts";
import { drawToken, registrationLifeMs, tokenLifeMs } from "./account-token.ts";
import type { Registration } from "./model.ts";

export interface AccountWriterDeps {
  readonly accounts: AccountStore;
  readonly mails: MailOutbox;
  readonly clock: Clock;
  readonly random: Random;
  /** The page that links open; what it is to do stands behind `#`, which no server sees. */
  linkUrl(): string;
}

/** What an invitation says of itself. */
export interface Invitation {
  readonly organization: string;
  /** As readers see who it is; undefined where nobody is known. */
  readonly inviter: string | undefined;
}

const unknownInviter = { en_US: "An administrator", zh_CN: "管理员" } as const;
const pageActions = { verify_email: "verify", change_email: "verify", reset_password: "reset" } as const;
const mailsByPurpose = {
  verify_email: "verifyEmail",
  change_email: "changeEmail",
  reset_password: "resetPassword",
} as const satisfies Readonly<Record<TokenPurpose, AccountMail>>;

/** Writes to people about their accounts, within the transactions of what is told. */
export function createAccountWriter({ accounts, mails, clock, random, linkUrl }: AccountWriterDeps) {
  const write = async (
    tx: Tx,
    kind: AccountMail,
    to: string,
    locale: Locale,
    facts: Readonly<Record<string, string>>,
  ) => {
    await mails.append(tx, writeAccountMail(kind, { to, locale, facts }));
  };

  return {
    /** A mail without a link. */
    async tell(
      tx: Tx,
      kind: AccountMail,
      { name, email, locale }: Pick<Account, "name" | "email" | "locale">,
      facts: Readonly<Record<string, string>> = {},
    ): Promise<void> {
      await write(tx, kind, email, locale, { name, ...facts });
    },

    /** Nothing that waits for an address is sent any more. */
    discardTo: (tx: Tx, email: string): Promise<void> => mails.discardTo(tx, email),

    /** Mails that wait for an address: when each was written, and how often it was tried. */
    listWaiting: (tx: Tx, email: string) => mails.listWaiting(tx, email),

    /** The link that completes a registration. */
    async sendRegistration(tx: Tx, { email, name, locale }: Registration, token: string): Promise<void> {
      const link = `${linkUrl()}#register=${token}`;
      await write(tx, "register", email, locale, { name, link, hours: String(registrationLifeMs / 3_600_000) });
    },

    /** The link by which an invitation is accepted; who invites, and where to. */
    async sendInvitation(
      tx: Tx,
      { email, role, locale, createdAt, expiresAt }: Registration,
      token: string,
      { organization, inviter }: Invitation,
    ): Promise<void> {
      const link = `${linkUrl()}#accept=${token}`;
      const hours = String(Math.round((expiresAt.getTime() - createdAt.getTime()) / 3_600_000));
      const from = inviter ?? unknownInviter[locale];
      await write(tx, "invitation", email, locale, { organization, inviter: from, role, link, hours });
    },

    /** A mail to `email` with a link that is good once, for a while; links of the same purpose before it are good no more. */
    async sendLink(tx: Tx, purpose: TokenPurpose, { userId, name, locale }: Account, email: string): Promise<void> {
      const { token, tokenHash } = drawToken(random);
      const lifeMs = tokenLifeMs[purpose];
      await accounts.deleteTokens(tx, userId, [purpose]);
      const expiresAt = new Date(clock.nowMs() + lifeMs);
      await accounts.insertToken(tx, tokenHash, { purpose, userId, email, expiresAt });
      const link = `${linkUrl()}#${pageActions[purpose]}=${token}`;
      await write(tx, mailsByPurpose[purpose], email, locale, { name, link, hours: String(lifeMs / 3_600_000) });
    },
  };
}

export type AccountWriter = ReturnType<typeof createAccountWriter>;
