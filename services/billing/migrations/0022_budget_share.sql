-- Leases hold shares of budgets, too: what a lease's calls may take of each, in the period in which it was granted.
alter table budget_hold rename column call_id to holder_id;
alter table lease
  -- What the last change came to in tokens and calls, where a budget counts them.
  add column change_tokens bigint not null default 0,
  add column change_calls bigint not null default 0;
