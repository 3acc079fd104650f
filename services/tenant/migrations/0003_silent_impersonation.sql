-- Whether people are not told by mail when an operator acts in their name.
alter table tenant add column silent_impersonation boolean not null default false;
