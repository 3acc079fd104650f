-- What is kept for somebody is shown to them, and forgotten with them.
create index response_by_owner on response (owner_id, response_id desc);
