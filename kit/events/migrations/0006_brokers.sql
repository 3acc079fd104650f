-- What a relay remembers of its broker: by lane (a partition, a stream), the number of the last event that it was given.
alter table subscription add column lane_ends jsonb not null default '{}';

-- True when events have come to the subscription from a broker: which it handled then stands in handled_event.
alter table subscription add column was_on_broker boolean not null default false;
