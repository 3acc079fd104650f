-- A list by model, provider or status is by time, and finds what is common on its way. What is rare it would look for in all of a
-- tenant's rows: these lead to it. Few calls end otherwise than completed, so the second costs most calls nothing.
create index usage_by_model on usage (tenant_id, provider, model, started_at);
create index usage_by_outcome on usage (tenant_id, outcome, started_at) where outcome <> 'completed';
