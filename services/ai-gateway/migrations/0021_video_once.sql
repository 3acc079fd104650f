-- Videos whose creation came with an idempotency key, as batches have it (0019).
alter table video add column once_key text, add column once_hash bytea;
create unique index video_once on video (tenant_id, owner_id, once_key) where once_key is not null;
