-- How much credit tenants on a plan may be given at most; none unless it says so.
alter table price_plan
  add column max_credit_limit_nanos bigint not null default 0 check (max_credit_limit_nanos >= 0);
