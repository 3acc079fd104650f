-- Summaries of pages by time are for taking out what is too old. PostgreSQL took them for the way to a tenant's range of hours as
-- well, and read everybody's: by the time of a clock in UTC only what takes out asks.
drop index usage_sum_tag_hour_by_time;
drop index usage_sum_tag_day_by_time;
create index usage_sum_tag_hour_by_time on usage_sum_tag_hour using brin ((start at time zone 'UTC'));
create index usage_sum_tag_day_by_time on usage_sum_tag_day using brin ((start at time zone 'UTC'));
