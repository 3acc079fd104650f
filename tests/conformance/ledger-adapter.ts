import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Database } from "@lyss/kit/db/database.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { accounts } from "@lyss/services/billing/journal/accounts.ts";
import { createJournal } from "@lyss/services/billing/journal/journal.ts";
import { createJournalStore } from "@lyss/services/billing/journal/journal-store.ts";
import type { Posting } from "@lyss/services/billing/journal/posting.ts";
import { createBillingStore } from "@lyss/services/billing/store.ts";
import { z } from "zod";
import { readJournal, type SuperuserSql } from "./read-journal.ts";

/** Billing's database as its service has it, and as a superuser sees it. */
export interface AdaptedLedger {
  readonly db: Database;
  readonly sql: SuperuserSql;
  readonly random: Random;
}

const transactionSchema = z.strictObject({
  idempotencyKey: z.string().min(1).max(200),
  transactionId: z.string().min(1).max(200),
  /** A wallet never goes below zero, whoever asks for it. */
  allowOverdraft: z.boolean(),
  legs: z
    .array(
      z.strictObject({
        accountId: z.string().min(1).max(200),
        type: z.enum(["DEBIT", "CREDIT"]),
        amountSubunits: z.int().positive(),
        currency: z.string().length(3),
      }),
    )
    .min(1)
    .max(50),
});

export type LedgerTransaction = z.infer<typeof transactionSchema>;

export interface PostAnswer {
  readonly status: "APPLIED" | "DUPLICATE" | "REJECTED";
  readonly transactionId: string;
  readonly reason: string | null;
}

/** Accounts that stand for the world outside; every other one is a wallet. */
const isExternal = (accountId: string) => accountId.startsWith("external:");
const kind = "adjustment";

/**
 * The HTTP contract of the Ledger Conformance Kit 1.1.0 (github.com/technomorphcorporation/ledger-conformance-kit, Apache-2.0,
 * docs/http-adapter.md) over billing's journal, for tests: `POST /_lck/reset`, which empties the journal as a superuser,
 * `POST /_lck/post`, `GET /_lck/balance` and `GET /_lck/journal`. A transaction is one posting, written by the service's own
 * role as every operation of billing writes one; its amounts are nanos. Resolves with the address; it ends with the scope.
 */
export async function startLedgerAdapter(t: TestScope, ledger: AdaptedLedger): Promise<{ readonly url: string }> {
  const knownWallets = new Set<string>();
  const post = createPost(ledger, knownWallets);
  const routes: Readonly<Record<string, (query: URLSearchParams, body: string) => Promise<unknown>>> = {
    "POST /_lck/reset": () => {
      knownWallets.clear();
      return resetLedger(ledger.sql);
    },
    "POST /_lck/post": (_query, body) => post(transactionSchema.parse(JSON.parse(body))),
    "GET /_lck/balance": (query) => readBalance(ledger, query.get("account") ?? "", query.get("currency") ?? ""),
    "GET /_lck/journal": () => readJournal(ledger.sql),
  };
  const server = createServer(async (req, res) => {
    const { pathname, searchParams } = new URL(req.url ?? "/", "http://ledger");
    const answer = await routes[`${req.method} ${pathname}`]?.(searchParams, await readBody(req)).then(
      (body) => ({ status: 200, body }),
      (err: unknown) => ({ status: err instanceof z.ZodError ? 400 : 500, body: { error: String(err) } }),
    );
    res.writeHead(answer?.status ?? 404, { "content-type": "application/json" });
    res.end(JSON.stringify(answer?.body ?? {}, (_key, value) => (typeof value === "bigint" ? Number(value) : value)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function createPost({ db, random }: AdaptedLedger, known: Set<string>) {
  const journal = createJournal(createJournalStore());
  const store = createBillingStore(db.sql);

  /** Creates the wallets that are missing, in one order, so that two who do never wait for each other in a circle. */
  async function openWallets(legs: LedgerTransaction["legs"]): Promise<void> {
    const names = legs.filter(
      ({ accountId, currency }) => !isExternal(accountId) && !known.has(`${accountId} ${currency}`),
    );
    if (names.length === 0) return;
    await db.transaction(async (tx) => {
      for (const { accountId: tenantId, currency } of names.toSorted((a, b) => (a.accountId < b.accountId ? -1 : 1))) {
        await store.createWallet(tx, { walletId: random.id("wal"), tenantId, currency });
      }
    });
    for (const { accountId, currency } of names) known.add(`${accountId} ${currency}`);
  }

  return async ({ idempotencyKey, transactionId, legs }: LedgerTransaction): Promise<PostAnswer> => {
    await openWallets(legs);
    const currency = legs[0]?.currency ?? "";
    const tenantIds = legs.map(({ accountId }) => accountId);
    try {
      return await db.transaction(async (tx): Promise<PostAnswer> => {
        const locked = await journal.lockWallets(tx, tenantIds, currency);
        const others = await Promise.all(
          legs
            .filter((leg) => leg.currency !== currency)
            .map((leg) => store.listWallets(tx, [leg.accountId], leg.currency)),
        );
        const wallets = [...locked, ...others.flat()];
        const entries = legs.map(({ accountId, type, amountSubunits, currency: of }) => {
          const wallet = wallets.find((one) => one.tenantId === accountId && one.currency === of);
          const amountNanos = type === "CREDIT" ? BigInt(amountSubunits) : -BigInt(amountSubunits);
          return { account: wallet ? accounts.wallet(wallet.walletId) : accountId, amountNanos };
        });
        const posting: Posting = { postingId: transactionId, kind, reference: idempotencyKey, currency, entries };
        const posted = await journal.findPosting(tx, posting);
        if (posted) {
          return isSame(posted, posting)
            ? { status: "DUPLICATE", transactionId: posted.postingId, reason: null }
            : { status: "REJECTED", transactionId, reason: "the key was used for another transaction" };
        }
        await journal.post(tx, locked, [posting]);
        return { status: "APPLIED", transactionId, reason: null };
      });
    } catch (err) {
      const reason = findRefusal(err);
      if (reason === undefined) throw err;
      return { status: "REJECTED", transactionId, reason };
    }
  };
}

function isSame(a: Posting, b: Posting): boolean {
  const toText = ({ currency, entries }: Posting) =>
    [currency, ...entries.map(({ account, amountNanos }) => `${account} ${amountNanos}`).toSorted()].join();
  return toText(a) === toText(b);
}

/** Why billing refused a posting; undefined for any other error. */
function findRefusal(err: unknown): string | undefined {
  if (!(err instanceof Error)) return undefined;
  // The constraint of the wallet's row: more is taken than there is.
  if ("code" in err) return err.code === "23514" ? "insufficient balance" : undefined;
  return /^(a )?posting /.test(err.message) ? err.message : undefined;
}

async function readBalance({ db, sql }: AdaptedLedger, account: string, currency: string): Promise<unknown> {
  if (!isExternal(account)) {
    return { subunits: (await createBillingStore(db.sql).findWallet(account, currency))?.balanceNanos ?? 0n };
  }
  const [row] = await sql<{ subunits: number }[]>`
    select coalesce(sum(amount_nanos), 0)::float8 as subunits
    from entry join posting using (posting_id) where account = ${account} and currency = ${currency}`;
  return row;
}

async function resetLedger(sql: SuperuserSql): Promise<object> {
  await sql`delete from entry`;
  await sql`delete from posting`;
  await sql`delete from wallet`;
  await sql`update platform_chain set journal_sequence = 0, journal_hash = ''`;
  return {};
}

async function readBody(req: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of req) parts.push(part);
  return Buffer.concat(parts).toString();
}
