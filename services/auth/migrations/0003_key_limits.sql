-- What a key is for, how much it may use and from where, and when somebody last changed that.
alter table key
  add column description text not null default '',
  add column limits jsonb not null default '{"requestsPerMinute": null, "maxConcurrentRequests": null,
    "tokensPerMinute": null, "budget": null, "allowedIps": [], "allowedOrigins": []}',
  add column updated_at timestamptz;
update key set updated_at = created_at;
alter table key alter column updated_at set not null;
