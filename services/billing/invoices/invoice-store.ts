import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Party } from "./statement.ts";

/** A wallet whose journal goes on behind its last invoice. */
export interface DueWallet {
  readonly walletId: string;
  readonly tenantId: string;
  readonly currency: string;
  /** The last posting that is in an invoice; 0 when there is none. */
  readonly lastSequence: bigint;
  /** What the last invoice left; 0 when there is none. */
  readonly lastClosingNanos: bigint;
  /** Where the last invoice ended; null when there is none. */
  readonly lastEnd: Date | null;
  /** When the first posting behind it was made. */
  readonly nextPostedAt: Date;
}

export interface InvoiceRow {
  readonly invoiceId: string;
  readonly tenantId: string;
  readonly walletId: string;
  readonly currency: string;
  readonly number: string;
  readonly periodStart: Date;
  readonly periodEnd: Date;
  readonly openingNanos: bigint;
  readonly chargedNanos: bigint;
  readonly closingNanos: bigint;
  readonly issuedAt: Date;
}

/** With what it says, as text that never changes, and its SHA-256. */
export interface StoredInvoice extends InvoiceRow {
  readonly content: string;
  readonly contentHash: string;
}

export interface NewInvoice extends StoredInvoice {
  readonly lastSequence: bigint;
  readonly year: number;
  readonly numberInYear: number;
}

export interface InvoicePage {
  /** Undefined for those of all tenants. */
  readonly tenantId: string | undefined;
  readonly limit: number;
  /** Where the page before ended. */
  readonly after: { readonly issuedAt: string; readonly number: string; readonly invoiceId: string } | undefined;
}

/** The SQL of invoices and of who they are made out to. One method, one statement. */
export function createInvoiceStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    invoice_id as "invoiceId", tenant_id as "tenantId", wallet_id as "walletId", currency, number,
    period_start as "periodStart", period_end as "periodEnd", opening_nanos as "openingNanos",
    charged_nanos as "chargedNanos", closing_nanos as "closingNanos", issued_at as "issuedAt"`;
  const due = (db: Sql | Tx) => db`
    select wallet.wallet_id as "walletId", wallet.tenant_id as "tenantId", wallet.currency,
      coalesce(last.last_sequence, 0)::bigint as "lastSequence",
      coalesce(last.closing_nanos, 0)::bigint as "lastClosingNanos", last.period_end as "lastEnd",
      next.created_at as "nextPostedAt"
    from wallet
    left join lateral (
      select last_sequence, closing_nanos, period_end from invoice where invoice.wallet_id = wallet.wallet_id
      order by last_sequence desc limit 1
    ) last on true
    join posting next on next.chain = wallet.wallet_id and next.sequence = coalesce(last.last_sequence, 0) + 1`;

  return {
    /** By wallet id: those whose next posting was made before `untilMs`. */
    listDueWallets(untilMs: number, afterWalletId: string, limit: number): Promise<DueWallet[]> {
      return sql<DueWallet[]>`
        ${due(sql)} where next.created_at < ${new Date(untilMs)} and wallet.wallet_id > ${afterWalletId}
        order by wallet.wallet_id limit ${limit}`;
    },

    async findDueWallet(tenantId: string, currency: string): Promise<DueWallet | undefined> {
      const [wallet] = await sql<DueWallet[]>`
        ${due(sql)} where wallet.tenant_id = ${tenantId} and wallet.currency = ${currency}`;
      return wallet;
    },

    /** Up to where a wallet's journal is in an invoice, under the lock that keeps two nodes from issuing side by side. */
    async findLastSequence(tx: Tx, walletId: string): Promise<bigint> {
      const [last] = await tx<{ lastSequence: bigint }[]>`
        select coalesce(max(last_sequence), 0)::bigint as "lastSequence" from invoice where wallet_id = ${walletId}`;
      return last?.lastSequence ?? 0n;
    },

    /** The tenant's next number in that year. Until the transaction ends nobody else gets one; if it fails, this one is free again. */
    async takeNumber(tx: Tx, tenantId: string, year: number): Promise<number> {
      const [taken] = await tx<{ last: number }[]>`
        insert into invoice_number as known (tenant_id, year, last) values (${tenantId}, ${year}, 1)
        on conflict (tenant_id, year) do update set last = known.last + 1 returning last`;
      if (!taken) throw new Error("an upsert gave no row");
      return taken.last;
    },

    /** Two transactions that issue for one tenant follow each other. Released with the transaction. */
    async lockTenant(tx: Tx, tenantId: string): Promise<void> {
      await tx`select pg_advisory_xact_lock(hashtext('billing.invoice'), hashtext(${tenantId}))`;
    },

    async insertInvoice(tx: Tx, invoice: NewInvoice): Promise<void> {
      await tx`
        insert into invoice (invoice_id, tenant_id, wallet_id, currency, number, year, number_in_year, period_start, period_end,
          opening_nanos, charged_nanos, closing_nanos, last_sequence, issued_at, content, content_hash)
        values (${invoice.invoiceId}, ${invoice.tenantId}, ${invoice.walletId}, ${invoice.currency}, ${invoice.number},
          ${invoice.year}, ${invoice.numberInYear}, ${invoice.periodStart}, ${invoice.periodEnd}, ${invoice.openingNanos},
          ${invoice.chargedNanos}, ${invoice.closingNanos}, ${invoice.lastSequence}, ${invoice.issuedAt}, ${invoice.content},
          ${invoice.contentHash})`;
    },

    /** Newest first. */
    listInvoices({ tenantId, limit, after }: InvoicePage): Promise<(InvoiceRow & { position: string })[]> {
      return sql<(InvoiceRow & { position: string })[]>`
        select ${columns(sql)}, issued_at::text as position from invoice
        where (${tenantId ?? null}::text is null or tenant_id = ${tenantId ?? null})
          and (${after === undefined}
            or (issued_at, number, invoice_id)
              < (${after?.issuedAt ?? null}::text::timestamptz, ${after?.number ?? null}, ${after?.invoiceId ?? null}))
        order by issued_at desc, number desc, invoice_id desc limit ${limit}`;
    },

    /** Of that tenant; of any when `tenantId` is undefined. */
    async findInvoice(invoiceId: string, tenantId: string | undefined): Promise<StoredInvoice | undefined> {
      const [invoice] = await sql<StoredInvoice[]>`
        select ${columns(sql)}, content, content_hash as "contentHash" from invoice
        where invoice_id = ${invoiceId} and (${tenantId ?? null}::text is null or tenant_id = ${tenantId ?? null})`;
      return invoice;
    },

    async findProfile(tenantId: string): Promise<Party | undefined> {
      const [profile] = await sql<Party[]>`
        select name, address, tax_id, email from billing_profile where tenant_id = ${tenantId}`;
      return profile;
    },

    async putProfile(tx: Tx, tenantId: string, { name, address, tax_id, email }: Party): Promise<void> {
      await tx`
        insert into billing_profile (tenant_id, name, address, tax_id, email)
        values (${tenantId}, ${name}, ${address as string[]}, ${tax_id}, ${email})
        on conflict (tenant_id) do update set name = excluded.name, address = excluded.address, tax_id = excluded.tax_id,
          email = excluded.email, updated_at = now()`;
    },

    /** Says of a posting what it is about. */
    async insertSubject(tx: Tx, postingId: string, aboutAt: Date, note: string): Promise<void> {
      await tx`
        insert into posting_subject (posting_id, about_at, note) values (${postingId}, ${aboutAt}, ${note})`;
    },
  };
}

export type InvoiceStore = ReturnType<typeof createInvoiceStore>;
