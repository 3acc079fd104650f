-- What this service alone may do with the event log: see and steer the subscriptions of all services.
grant execute on function
  event_log.desk_subscriptions(name, text),
  event_log.desk_parked(name, text, text[], text[], text[], bigint, int),
  event_log.desk_receivers(bigint, text),
  event_log.desk_operations(text, name, text, text, text, int),
  event_log.ask_operation(text, text, name, text, jsonb, text, timestamptz, bigint, bigint, bigint, int),
  event_log.steer_operation(text, text, timestamptz),
  event_log.skip_parked(text, name, text, jsonb, text[], text[], text[], int, text, timestamptz),
  event_log.forget_dead(text, name, text, interval, text, timestamptz)
  to lyss_event;
