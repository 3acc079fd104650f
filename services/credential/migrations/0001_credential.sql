-- Data keys, each wrapped by the key-encryption key it names.
create table data_key (
  data_key_id text primary key,
  tenant_id text not null unique,
  wrapping_key_id text not null,
  wrapped bytea not null,
  created_at timestamptz not null
);

-- One row per secret. The envelope is replaced on rotation and destroyed on revocation: no old secret remains.
create table credential (
  credential_id text primary key,
  tenant_id text not null,
  name text not null,
  version integer not null check (version >= 1),
  fingerprint text not null,
  last_four text not null,
  allowed_origins jsonb not null,
  envelope bytea,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  revoked_at timestamptz,
  constraint revoked_without_secret check ((envelope is null) = (revoked_at is not null))
);
create unique index credential_name on credential (tenant_id, name) where revoked_at is null;
create index credential_by_tenant on credential (tenant_id, credential_id desc);
