import { escapeHtml } from "../http/escape-html.ts";

/** A mail to one person. */
export interface Mail {
  /** One address, as its mailbox is called: `ann@example.com`. */
  readonly to: string;
  /** One line. */
  readonly subject: string;
  readonly text: string;
  /** The same for those whose program shows it; whatever is put into it must have been escaped. */
  readonly html: string;
}

/** A mail on its way. A repeat has the same id, by which programs know it for the same mail. */
export interface OutgoingMail extends Mail {
  readonly mailId: string;
}

/** Brings mails to where they are delivered. */
export interface MailTransport {
  /** Resolves when the next hop has taken it. Rejects with a MailRefused when a repeat cannot help, else with what went wrong. */
  send(mail: OutgoingMail): Promise<void>;
  /** Ends its connections. May be repeated. */
  close(): void;
}

/** The next hop will not take this mail, however often it is asked. */
export class MailRefused extends Error {
  override readonly name = "MailRefused";
}

/** Texts made safe for HTML, with the markup between them as it is: `html\`<b>${name}</b>\``. */
export function html(parts: TemplateStringsArray, ...texts: readonly string[]): string {
  return parts.reduce((all, part, index) => all + escapeHtml(texts[index - 1] ?? "") + part);
}
