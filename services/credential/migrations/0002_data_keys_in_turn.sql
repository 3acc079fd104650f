-- A tenant's data keys follow each other: the one that is not retired seals, the others open what is not sealed anew yet.
alter table data_key drop constraint data_key_tenant_id_key;
alter table data_key add column retired_at timestamptz;
create unique index data_key_of_tenant on data_key (tenant_id) where retired_at is null;
