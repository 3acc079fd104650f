import { createHmac } from "node:crypto";
import type { Logger } from "pino";
import { Counter, type Registry } from "prom-client";
import { seal, unseal } from "../crypto/seal.ts";
import type { Database, Tx } from "../db/database.ts";
import type { Clock } from "../service/clock.ts";
import type { Job } from "../service/define-service.ts";
import type { Random } from "../service/ids.ts";
import { type Mail, MailRefused, type MailTransport, type OutgoingMail } from "./mail.ts";
import * as store from "./mail-store.ts";

export interface MailOutboxOptions {
  readonly db: Database;
  readonly transport: MailTransport;
  readonly clock: Clock;
  readonly random: Random;
  /** 32 bytes. What waits is sealed with it: a mail may hold what lets its reader in. */
  readonly key: Buffer;
  readonly log: Logger;
  readonly metrics: Registry;
  /** A mail that nobody took for this long is given up. */
  readonly giveUpAfterMs: number;
}

export interface MailOutbox {
  /** The mail is sent if `tx` commits, at least once, and never if it does not. Gives its id. Throws a RangeError for one over 64 KiB. */
  append(tx: Tx, mail: Mail): Promise<string>;
  /** What waits for an address is not sent any more once `tx` commits; what is being sent at that moment may still arrive. */
  discardTo(tx: Tx, address: string): Promise<void>;
  /** What waits for an address: when each was written, and how often it was tried. At most 1,000, the newest first. */
  listWaiting(tx: Tx, address: string): Promise<readonly Pick<store.WaitingMail, "createdAt" | "tries">[]>;
  /** Sends what waits, for every node that likes to. */
  readonly job: Job;
}

const everyMs = 1_000;
/** A node that dies while it sends is not waited for longer. */
const leaseMs = 120_000;
const firstDelayMs = 5_000;
const maxDelayMs = 900_000;
const maxPerRun = 100;
const maxMailBytes = 65_536;

/** On the service's table `mail_outbox`, which its migrations create (docs/kit/mail.md). */
export function createMailOutbox(options: MailOutboxOptions): MailOutbox {
  const { db, clock, random, key, metrics } = options;
  const mails = new Counter({
    name: "lyss_mails_total",
    help: "Mails by what became of them: sent, postponed, refused, given_up, unreadable.",
    labelNames: ["outcome"],
    registers: [metrics],
  });

  const recipientOf = (address: string) => createHmac("sha256", key).update(address).digest();

  return {
    async append(tx, { to, subject, text, html }) {
      const mailId = random.id("mail");
      const bytes = Buffer.from(JSON.stringify({ to, subject: toLine(subject), text, html }));
      if (bytes.length > maxMailBytes) throw new RangeError(`a mail of ${bytes.length} bytes`);
      const sealed = seal(random, key, bytes, mailId);
      await store.insertMail(tx, { mailId, sealed, recipient: recipientOf(to), createdAt: new Date(clock.nowMs()) });
      return mailId;
    },
    listWaiting: (tx, address) => store.listMailsTo(tx, recipientOf(address)),
    discardTo: (tx, address) => store.deleteMailsTo(tx, recipientOf(address)),
    job: {
      name: "send-mails",
      everyMs,
      async run(signal) {
        for (let sent = 0; sent < maxPerRun && !signal.aborted; sent++) {
          const now = clock.nowMs();
          const taken = await db.transaction((tx) => store.takeMail(tx, new Date(now), new Date(now + leaseMs)));
          if (!taken) return;
          mails.inc({ outcome: await sendOne(options, taken) });
        }
      },
    },
  };
}

async function sendOne(options: MailOutboxOptions, taken: store.WaitingMail): Promise<string> {
  const { db, transport, clock, log, giveUpAfterMs } = options;
  const { mailId: mail_id, tries } = taken;
  const mail = open(options.key, taken);
  if (!mail) {
    log.error({ mail_id }, "a mail that waits does not open: the root key is another one, or the row was changed");
    await db.transaction((tx) => store.deleteMail(tx, mail_id));
    return "unreadable";
  }
  try {
    await transport.send(mail);
  } catch (err) {
    const isOver = clock.nowMs() - taken.createdAt.getTime() >= giveUpAfterMs;
    if (err instanceof MailRefused || isOver) {
      log.error({ mail_id, tries, err }, "a mail is given up");
      await db.transaction((tx) => store.deleteMail(tx, mail_id));
      return err instanceof MailRefused ? "refused" : "given_up";
    }
    const delayMs = Math.min(maxDelayMs, firstDelayMs * 2 ** Math.min(tries - 1, 20));
    log.warn({ mail_id, tries, retry_after_ms: delayMs, err }, "a mail could not be sent yet");
    await db.transaction((tx) => store.postponeMail(tx, mail_id, new Date(clock.nowMs() + delayMs)));
    return "postponed";
  }
  await db.transaction((tx) => store.deleteMail(tx, mail_id));
  return "sent";
}

function open(key: Buffer, { mailId, sealed }: store.WaitingMail): OutgoingMail | undefined {
  const bytes = unseal(key, sealed, mailId);
  return bytes && { ...(JSON.parse(bytes.toString()) as Mail), mailId };
}

/** A subject is one line, whatever names it is made of. */
function toLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ").slice(0, 200);
}
