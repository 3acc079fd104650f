import { hash } from "node:crypto";
import type { Wallet } from "../model.ts";
import { type Posting, walletsOf } from "./posting.ts";

/** Where a chain of postings has got to. */
export interface ChainHead {
  /** How many postings are in the chain. */
  readonly journalSequence: bigint;
  /** SHA-256 of the last one, in hex; empty before the first. */
  readonly journalHash: string;
}

/** A wallet as it was read under its row lock, which also locks its chain. */
export interface LockedWallet extends Wallet, ChainHead {
  /** What of the balance is lent: how far its tenant may spend beyond what it has. */
  readonly creditLimitNanos: bigint;
  /** The transaction's time: what it writes is stamped with it. */
  readonly lockedAtUs: bigint;
}

/** A posting with its place in a chain. */
export interface ChainedPosting extends Posting {
  readonly chain: string;
  /** 1 for the first. */
  readonly sequence: bigint;
  /** Microseconds since the Unix epoch, as the database stamped it. */
  readonly createdAtUs: bigint;
  readonly hash: string;
}

/** The chain of postings that touch no wallet. */
export const platformChain = "platform";

/** The one chain a posting is in: that of its wallet, or of the first of its wallets by id. */
export function chainOf(posting: Pick<Posting, "entries">): string {
  return walletsOf(posting)[0] ?? platformChain;
}

/** Gives a posting its place behind `head`. */
export function link(posting: Posting, chain: string, head: ChainHead, createdAtUs: bigint): ChainedPosting {
  const placed = { ...posting, chain, sequence: head.journalSequence + 1n, createdAtUs };
  return { ...placed, hash: hashOf(placed, head.journalHash) };
}

/**
 * SHA-256 over the hash before it and everything a posting says. Each field is written with its length in front of it, so
 * that no two postings come to the same bytes. The migration that began the chains computes the same in SQL.
 */
export function hashOf(posting: Omit<ChainedPosting, "hash">, previousHash: string): string {
  const { chain, sequence, postingId, kind, reference, currency, createdAtUs, entries } = posting;
  const fields = [previousHash, chain, `${sequence}`, postingId, kind, reference, currency, `${createdAtUs}`];
  for (const { account, amountNanos } of [...entries].sort(byAccount)) fields.push(account, `${amountNanos}`);
  return hash("sha256", fields.map((field) => `${Buffer.byteLength(field)}:${field},`).join(""), "hex");
}

/** In the order of their bytes, which is PostgreSQL's collation "C". */
function byAccount(a: { readonly account: string }, b: { readonly account: string }): number {
  return Buffer.compare(Buffer.from(a.account), Buffer.from(b.account));
}
