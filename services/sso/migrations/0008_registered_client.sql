-- Programs that have registered themselves belong to no tenant (tenant_id is empty), and may be called alike. When a person last let one in:
-- null for never, which is soon forgotten.
alter table client drop constraint client_tenant_id_name_key;
create unique index client_by_name on client (tenant_id, name) where tenant_id <> '';
alter table client add column let_in_at timestamptz;
create index client_registered on client (created_at) where tenant_id = '';
