-- Batches whose creation came with an idempotency key: who repeats it gets the same batch, and who asks otherwise with it is refused.
alter table batch add column once_key text, add column once_hash bytea;
create unique index batch_once on batch (tenant_id, owner_id, once_key) where once_key is not null;
