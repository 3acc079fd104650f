-- Who invoices are made out to.
create table billing_profile (
  tenant_id text primary key,
  name text not null,
  address text[] not null,
  tax_id text not null,
  email text not null,
  updated_at timestamptz not null default now()
);

-- What a posting is about, when that is not the moment at which it was made. It stands beside the posting for good.
create table posting_subject (
  posting_id text primary key references posting,
  about_at timestamptz not null,
  note text not null
);

-- A closed period of a wallet: its postings behind those of the invoice before, up to the last one. The content is what was
-- issued, byte for byte, and the hash is its SHA-256.
create table invoice (
  invoice_id text primary key,
  tenant_id text not null,
  wallet_id text not null references wallet,
  currency text not null,
  number text not null,
  year integer not null,
  number_in_year integer not null,
  period_start timestamptz not null,
  period_end timestamptz not null check (period_end > period_start),
  opening_nanos bigint not null,
  charged_nanos bigint not null check (charged_nanos >= 0),
  closing_nanos bigint not null,
  last_sequence bigint not null,
  issued_at timestamptz not null,
  content text not null,
  content_hash text not null,
  unique (tenant_id, year, number_in_year),
  unique (wallet_id, period_start),
  unique (wallet_id, last_sequence)
);
create index invoice_by_tenant on invoice (tenant_id, issued_at desc, number desc, invoice_id desc);
create index invoice_by_time on invoice (issued_at desc, number desc, invoice_id desc);

-- The last number given out; the row's lock is held until the invoice is committed, so there are no gaps.
create table invoice_number (
  tenant_id text not null,
  year integer not null,
  last integer not null,
  primary key (tenant_id, year)
);

revoke update, delete, truncate on invoice, posting_subject from lyss_billing;
revoke delete, truncate on invoice_number, billing_profile from lyss_billing;
