-- What was asked for of everything that is kept of a person: the latest of each. Whoever deletes the row has deleted what opens the parts,
-- wherever they are.
create table person_export (
  export_id text primary key,
  user_id text not null unique references person on delete cascade,
  tenant_id text not null,
  requested_by text not null,
  sealed_key bytea not null,
  public_key bytea not null,
  requested_at timestamptz not null,
  -- When every service had answered; null until then.
  completed_at timestamptz,
  expires_at timestamptz not null
);
create index person_export_by_expiry on person_export (expires_at);

-- What services have answered, in pieces. Encrypted as it came.
create table person_export_part (
  export_id text not null references person_export on delete cascade,
  service text not null,
  number integer not null,
  is_last boolean not null,
  content bytea not null,
  received_at timestamptz not null,
  primary key (export_id, service, number)
);
