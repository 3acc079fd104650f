-- After what percentile of its time to a first byte a route asks a second target beside the first; null for never.
alter table route add column hedge smallint check (hedge between 50 and 99);
