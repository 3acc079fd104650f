-- Files whose content is kept here go at a time of their own: their tenant's data policy may allow less than the usual.
alter table file add column expires_at timestamptz;
update file set expires_at = created_at + interval '30 days' where purpose = 'batch' and upstream_id = '';
create index file_by_expiry on file (expires_at) where expires_at is not null and removed_at is null;
