-- Roles that a sign-on connection gave by what its provider says of groups, and therefore takes back.
create table federated_role (
  connection_id text not null,
  user_id text not null references person on delete cascade,
  role text not null,
  primary key (connection_id, user_id)
);
create index federated_role_by_user on federated_role (user_id);
