-- Of the secret that a guardrail's webhook is signed with; empty for none.
alter table guardrail add column credential_id text not null default '';
