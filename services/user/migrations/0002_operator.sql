-- Operators: people of the platform's own tenant, who may also do what concerns no tenant.
alter table person drop constraint person_role_check;
alter table person add constraint person_role_check
  check (role in ('operator', 'owner', 'admin', 'member', 'viewer'));
