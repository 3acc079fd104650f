import type { Logger } from "pino";
import type { MailTransport } from "./mail.ts";

/** Writes mails to the log, where whoever tries the program out finds them. */
export function createLogTransport(log: Pick<Logger, "warn">): MailTransport {
  return {
    async send({ mailId, to, subject, text }) {
      log.warn(
        { mail_id: mailId, to, subject, text },
        "no mail server is configured (mail.url): this mail was not sent",
      );
    },
    close() {},
  };
}
