-- The transaction that recorded a row: whoever follows usage reads what is below the oldest transaction under way, so that nothing
-- comes behind it later. Rows from before have none, and nobody follows them. A block range index costs next to nothing to write.
alter table usage add column recorded_by bigint;
alter table usage alter column recorded_by set default (pg_current_xact_id()::text)::bigint;
create index usage_by_record on usage using brin (recorded_by) with (pages_per_range = 32, autosummarize = on);
