-- What people become who come in without anybody having said so.
alter table tenant add column default_role text not null default 'member' check (default_role in ('member', 'viewer'));
