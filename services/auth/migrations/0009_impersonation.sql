-- An operator who acts in a person's name has a session of that person's, short and without a refresh token.
alter table session
  add operator_id text,
  -- The session in which the operator has proven who that is: it ends the one in another's name.
  add operator_session_id text,
  add reason text not null default '';
create index session_by_operator on session (operator_id, expires_at) where operator_id is not null;

-- Whether a tenant's people are not told by mail.
alter table sign_in_policy add is_impersonation_silent boolean not null default false;
