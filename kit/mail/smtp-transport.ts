import type { Secret } from "../config/secret.ts";
import { MailRefused, type MailTransport } from "./mail.ts";

export interface SmtpOptions {
  /** `smtp://` or `smtps://`, with name and password where the server asks for them. */
  readonly url: Secret;
  /** `Name <address>`. */
  readonly from: string;
  /** Whether a server on another machine may be talked to in the clear. */
  readonly allowsPlaintext: boolean;
  /** For each answer of the server. */
  readonly timeoutMs: number;
}

const maxConnections = 2;
const defaultPorts: Readonly<Record<string, number>> = { "smtp:": 587, "smtps:": 465 };
const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/**
 * Sends by SMTP (RFC 5321) over a few connections that are kept. TLS 1.2 at least, from the first byte (`smtps:`, RFC 8314) or by
 * STARTTLS, which `smtp:` insists on except on loopback; certificates are checked always.
 */
export function createSmtpTransport({ url, from, allowsPlaintext, timeoutMs }: SmtpOptions): MailTransport {
  let opening: ReturnType<typeof open> | undefined;
  const { protocol, hostname, port, username, password } = new URL(url.reveal());
  const isPlaintextFine = allowsPlaintext || loopback.test(hostname);
  // With the first mail: most processes send none.
  const open = async () => {
    const { createTransport } = await import("nodemailer");
    return createTransport({
      ...{ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || defaultPorts[protocol] || 587 },
      ...{ pool: true, maxConnections, secure: protocol === "smtps:", requireTLS: !isPlaintextFine },
      ...(username !== "" && { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
      ...{ connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs, dnsTimeout: timeoutMs },
      // A mail is text that we wrote: nothing of it is read from files or addresses.
      ...{ disableFileAccess: true, disableUrlAccess: true, tls: { minVersion: "TLSv1.2" } },
    });
  };
  return {
    async send({ mailId, to, subject, text, html }) {
      const messageId = `<${mailId}@${domainOf(from)}>`;
      // As an object: a text could be read as several addresses.
      const envelope = { to: { name: "", address: to }, from, subject, text, html, messageId };
      const headers = { "Auto-Submitted": "auto-generated" };
      opening ??= open();
      const transport = await opening;
      try {
        await transport.sendMail({ ...envelope, headers });
      } catch (err) {
        throw toSendError(err);
      }
    },
    close: () => void opening?.then((transport) => transport.close()),
  };
}

function domainOf(from: string): string {
  return /@([^@\s>]+)>?\s*$/.exec(from)?.[1] ?? "localhost";
}

/** What went wrong without what was sent: a server's words may repeat the recipient. */
function toSendError(err: unknown): Error {
  const { code = "unknown", responseCode } = err as { readonly code?: string; readonly responseCode?: number };
  const words = `${code}${responseCode === undefined ? "" : ` ${responseCode}`}`;
  const isFinal = code === "EENVELOPE" || code === "EMESSAGE";
  // 5yz to the mail itself; one to the sign-in is the operator's to mend, and the mail waits for that (RFC 5321, 4.2.1).
  if (isFinal && responseCode !== undefined && responseCode >= 500) return new MailRefused(words);
  return new Error(words);
}
