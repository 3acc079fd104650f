-- Files of examples belong to no account until a job is made of them, and then to that of its model.
alter table file drop constraint file_purpose_check;
alter table file add constraint file_purpose_check
  check (purpose in ('batch', 'batch_output', 'requests', 'answers', 'fine-tune', 'fine-tune-results'));

-- Jobs at accounts of the tenants' own: nothing here is charged.
create table fine_tuning_job (
  job_id text primary key,
  tenant_id text not null,
  -- The user who asked, or the key where it belongs to no user: nobody else may see it.
  owner_id text not null,
  provider_id text not null,
  -- As it was asked for, and as its provider's account has it.
  model text not null,
  target_model text not null,
  training_file_id text not null,
  validation_file_id text,
  metadata jsonb,
  -- Null until its provider has said that it has it.
  upstream_id text,
  -- What its provider said last.
  seen jsonb,
  is_over boolean not null default false,
  polled_at timestamptz,
  created_at timestamptz not null,
  once_key text,
  once_hash bytea
);
create index fine_tuning_job_by_owner on fine_tuning_job (tenant_id, owner_id, job_id);
create index fine_tuning_job_by_owner_alone on fine_tuning_job (owner_id);
create unique index fine_tuning_job_once on fine_tuning_job (tenant_id, owner_id, once_key) where once_key is not null;
