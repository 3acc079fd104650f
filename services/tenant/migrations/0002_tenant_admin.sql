alter table tenant
  add column version bigint not null default 1 check (version >= 1),
  add column require_mfa boolean not null default false,
  -- By which means people sign in; empty for all.
  add column sign_in_methods text[] not null default '{}',
  -- 0 for the installation's own limits.
  add column session_idle_minutes integer not null default 0 check (session_idle_minutes >= 0),
  add column session_lifetime_hours integer not null default 0 check (session_lifetime_hours >= 0),
  add column suspended_reason text not null default '';

-- Domains that a tenant says are its own, and whether it has shown that by a TXT record.
create table tenant_domain (
  tenant_id text not null references tenant,
  domain text not null,
  -- What the record holds. No secret: it stands in public.
  token text not null,
  added_by text not null,
  added_at timestamptz not null,
  verified_at timestamptz,
  primary key (tenant_id, domain)
);
create unique index tenant_domain_verified on tenant_domain (domain) where verified_at is not null;

-- Every version of what is kept of a tenant's calls; the latest holds.
create table data_policy (
  tenant_id text not null references tenant,
  version bigint not null check (version >= 1),
  retention_days integer not null check (retention_days between 1 and 3650),
  store_bodies boolean not null,
  redact text[] not null,
  changed_by text not null,
  changed_at timestamptz not null,
  primary key (tenant_id, version)
);
