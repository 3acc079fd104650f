-- Answers may be given again for a question that is alike in meaning: what was asked is then kept as a sealed vector, among those that are
-- equal in everything else. Null for an answer that is only given for the same.
alter table cached_answer add column bucket_hash bytea, add column vector bytea,
  add constraint cached_answer_is_compared check ((bucket_hash is null) = (vector is null));
create index cached_answer_by_bucket on cached_answer (tenant_id, bucket_hash, created_at desc) where bucket_hash is not null;

alter table cache_policy
  -- Who shares answers.
  add column scope text not null default 'tenant' check (scope in ('tenant', 'user', 'key')),
  -- By which model questions are compared, and how near they have to be; null for never.
  add column semantic jsonb;
