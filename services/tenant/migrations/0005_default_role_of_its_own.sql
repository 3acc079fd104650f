-- Beside member and viewer, people who come in may become what a role of the tenant says. Which there are, auth knows.
alter table tenant drop constraint tenant_default_role_check;
