-- Whose session, grant, code or token it is, so that it can be forgotten with the person; null while nobody has signed in, and for what
-- was there before: that is gone when it expires.
alter table provider_item add column user_id text;
create index provider_item_by_user on provider_item (user_id) where user_id is not null;
create index provider_login_by_user on provider_login (user_id);
create index federated_session_by_user on federated_session (user_id);
create index given_membership_by_user on given_membership (user_id);
