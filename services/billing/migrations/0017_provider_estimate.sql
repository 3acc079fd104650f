-- What a provider may have counted of an attempt for which nobody pays: it took the request, and how that ended is not known. It is
-- part of what the attempt costs us until a report tells.
create table provider_estimate (
  call_id text not null,
  attempt smallint not null check (attempt > 0),
  input_tokens bigint not null check (input_tokens >= 0),
  cached_input_tokens bigint not null check (cached_input_tokens >= 0),
  output_tokens bigint not null check (output_tokens >= 0),
  created_at timestamptz not null default now(),
  primary key (call_id, attempt)
);

revoke update, delete, truncate on provider_estimate from lyss_billing;
