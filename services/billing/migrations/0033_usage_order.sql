-- Lists by cost and by how long calls took, and ranges of both, whatever part of the calls lies in them.
create index usage_by_cost on usage (tenant_id, cost_nanos, started_at);
create index usage_by_latency on usage (tenant_id, latency_ms, started_at);
-- Who never streams, or always does, is not to look for the other in all calls.
create index usage_by_stream on usage (tenant_id, is_streamed, started_at);
create index usage_by_error on usage (tenant_id, error, started_at) where error is not null;
