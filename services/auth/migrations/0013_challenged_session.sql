-- The session that follows has its id before it is there: whoever vouched for the person knows which one it will be.
alter table sign_in_challenge add session_id text not null default '';
