-- Until when whoever vouched for the person does so, for the session that may follow.
alter table sign_in_challenge add not_after timestamptz;
