-- The session itself ends when its provider stops vouching.
alter table federated_session drop column ends_at;
