import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import type { TestScope } from "./test-cluster.ts";

/** A mail as it came in, its head and body decoded as far as tests read them. */
export interface ReceivedMail {
  readonly to: readonly string[];
  readonly raw: string;
  readonly subject: string;
  /** Its plain text. */
  readonly text: string;
}

/** A real SMTP server on loopback that keeps what it takes, until the scope ends. */
export async function startMailServer(t: TestScope, options: SMTPServerOptions = {}) {
  const received: ReceivedMail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    // A sender keeps its connection.
    closeTimeout: 10,
    disabledCommands: ["STARTTLS"],
    ...options,
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const raw = Buffer.concat(chunks).toString();
        const to = session.envelope.rcptTo.map(({ address }) => address);
        received.push({ to, raw, subject: subjectOf(raw), text: textOf(raw) });
        done();
      });
    },
  });
  server.on("error", () => {});
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const { port } = server.server.address() as AddressInfo;
  return { url: `smtp://127.0.0.1:${port}`, port, received };
}

function subjectOf(raw: string): string {
  const [, folded = ""] = /^Subject: (.*(?:\r\n[ \t].*)*)/m.exec(raw) ?? [];
  const words = folded.replace(/\?=\r\n[ \t]+=\?/g, "?==?").replace(/\r\n[ \t]/g, " ");
  return words.replace(/=\?UTF-8\?([BQ])\?([^?]*)\?=/gi, (_word, how: string, text: string) =>
    how.toUpperCase() === "B" ? Buffer.from(text, "base64").toString() : fromQuoted(text.replaceAll("_", " ")),
  );
}

function textOf(raw: string): string {
  const part = raw.split(/^--.*$/m).find((one) => one.includes("Content-Type: text/plain")) ?? raw;
  const start = part.indexOf("\r\n\r\n") + 4;
  const [head, body] = [part.slice(0, start), part.slice(start)];
  if (/Content-Transfer-Encoding: base64/i.test(head)) return Buffer.from(body, "base64").toString();
  return /Content-Transfer-Encoding: quoted-printable/i.test(head) ? fromQuoted(body) : body;
}

function fromQuoted(text: string): string {
  const bytes = text.replace(/=\r\n/g, "").replace(/=([0-9A-F]{2})/gi, (_sign, hex: string) => `%${hex}`);
  return decodeURIComponent(bytes.replace(/%(?![0-9A-F]{2})/gi, "%25"));
}
