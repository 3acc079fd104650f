-- What a SAML provider has posted, until the browser that began comes for it: a form of another site brings no cookie along.
alter table sign_in add column sealed_answer bytea;

-- When the provider stops vouching; null when it does not say.
alter table federated_session add column ends_at timestamptz;
create index federated_session_by_end on federated_session (ends_at) where ends_at is not null;
