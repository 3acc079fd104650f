import type { Tx } from "../db/database.ts";

/** A mail that waits, as the service's table `mail_outbox` keeps it. */
export interface WaitingMail {
  readonly mailId: string;
  readonly sealed: Buffer;
  readonly createdAt: Date;
  /** Tries so far, this one included. */
  readonly tries: number;
}

interface NewMail extends Omit<WaitingMail, "tries"> {
  /** A keyed hash of the address. */
  readonly recipient: Buffer;
}

export async function insertMail(tx: Tx, { mailId, sealed, recipient, createdAt }: NewMail): Promise<void> {
  await tx`
    insert into mail_outbox (mail_id, sealed, recipient, created_at, next_try_at, tries)
    values (${mailId}, ${sealed}, ${recipient}, ${createdAt}, ${createdAt}, 0)`;
}

/** The one that waits longest, which nobody else takes until `leaseUntil`. */
export async function takeMail(tx: Tx, now: Date, leaseUntil: Date): Promise<WaitingMail | undefined> {
  const [row] = await tx<WaitingMail[]>`
    update mail_outbox set tries = tries + 1, next_try_at = ${leaseUntil}
    where mail_id = (
      select mail_id from mail_outbox where next_try_at <= ${now} order by next_try_at, mail_id limit 1 for update skip locked)
    returning mail_id as "mailId", sealed, created_at as "createdAt", tries`;
  return row;
}

export async function postponeMail(tx: Tx, mailId: string, nextTryAt: Date): Promise<void> {
  await tx`update mail_outbox set next_try_at = ${nextTryAt} where mail_id = ${mailId}`;
}

export async function deleteMail(tx: Tx, mailId: string): Promise<void> {
  await tx`delete from mail_outbox where mail_id = ${mailId}`;
}

export async function deleteMailsTo(tx: Tx, recipient: Buffer): Promise<void> {
  await tx`delete from mail_outbox where recipient = ${recipient}`;
}

/** At most 1,000, the newest first. */
export async function listMailsTo(tx: Tx, recipient: Buffer): Promise<Pick<WaitingMail, "createdAt" | "tries">[]> {
  return tx<Pick<WaitingMail, "createdAt" | "tries">[]>`
    select created_at as "createdAt", tries from mail_outbox
    where recipient = ${recipient} order by created_at desc limit 1000`;
}
