import { randomUUID } from "node:crypto";
import type { LedgerTransaction, PostAnswer } from "./ledger-adapter.ts";
import type { LedgerEntry } from "./read-journal.ts";

export type Leg = LedgerTransaction["legs"][number];

/** A ledger behind the kit's HTTP contract. */
export interface LedgerClient {
  reset(): Promise<void>;
  /** Moves money between accounts; with the same key, once. */
  post(key: string, legs: readonly Leg[]): Promise<PostAnswer>;
  /** The usual posting: nanos of US dollars from one account to another. */
  move(from: string, to: string, amount: number, key: string): Promise<PostAnswer>;
  /** Money from outside. */
  fund(account: string, amount: number): Promise<void>;
  balance(account: string, currency?: string): Promise<number>;
  journal(): Promise<readonly LedgerEntry[]>;
}

export const outside = "external:funding";

/** Over real sockets. What the ledger refuses is an answer; anything but 200 throws. */
export function createLedgerClient(url: string): LedgerClient {
  async function send(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(url + path, { method, ...(body && { body: JSON.stringify(body) }) });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${method} ${path} gave ${answer.status}: ${text}`);
    return JSON.parse(text);
  }
  const post = async (idempotencyKey: string, legs: readonly Leg[]): Promise<PostAnswer> => {
    const transaction = { idempotencyKey, transactionId: randomUUID(), allowOverdraft: false, legs };
    return (await send("POST", "/_lck/post", transaction)) as PostAnswer;
  };
  const move = (from: string, to: string, amount: number, key: string) =>
    post(key, [legOf(from, "DEBIT", amount), legOf(to, "CREDIT", amount)]);
  return {
    async reset() {
      await send("POST", "/_lck/reset", {});
    },
    post,
    move,
    async fund(account, amount) {
      const { status, reason } = await move(outside, account, amount, `fund ${account} ${randomUUID()}`);
      if (status !== "APPLIED") throw new Error(`${account} could not be funded: ${reason}`);
    },
    async balance(account, currency = "USD") {
      const query = new URLSearchParams({ account, currency });
      return ((await send("GET", `/_lck/balance?${query}`)) as { subunits: number }).subunits;
    },
    journal: async () => (await send("GET", "/_lck/journal")) as readonly LedgerEntry[],
  };
}

export function legOf(accountId: string, type: Leg["type"], amountSubunits: number, currency = "USD"): Leg {
  return { accountId, type, amountSubunits, currency };
}

/** What an entry adds to its account. */
export function signed({ type, amountSubunits }: Pick<LedgerEntry, "type" | "amountSubunits">): number {
  return type === "CREDIT" ? amountSubunits : -amountSubunits;
}

/** An account's balance from the journal alone. */
export function replay(journal: readonly LedgerEntry[], account: string, currency = "USD"): number {
  const own = journal.filter((entry) => entry.accountId === account && entry.currency === currency);
  return own.reduce((sum, entry) => sum + signed(entry), 0);
}
