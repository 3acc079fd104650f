import { createLogTransport } from "./log-transport.ts";
import type { MailConfig } from "./mail-config.ts";
import { createMailOutbox, type MailOutbox, type MailOutboxOptions } from "./mail-outbox.ts";
import { createSmtpTransport } from "./smtp-transport.ts";

/** Mails as they are configured: by SMTP, or to the log where there is no server. */
export function openMail(
  { url, giveUpAfterMs, ...smtp }: MailConfig,
  parts: Omit<MailOutboxOptions, "transport" | "giveUpAfterMs">,
): MailOutbox & { close(): void } {
  const transport = url ? createSmtpTransport({ url, ...smtp }) : createLogTransport(parts.log);
  return { ...createMailOutbox({ ...parts, transport, giveUpAfterMs }), close: () => transport.close() };
}
