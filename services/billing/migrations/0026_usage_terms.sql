-- The index of tags knows persons and keys as well: what several tags, and one of these, have in common is found within it. Each is a
-- term of its own, told apart by the space in a tag's. Strict, so that it is known to find nothing where there are no tags.
create function usage_terms(tenant_id text, user_id text, key_id text, tags text[]) returns text[]
language plpgsql immutable strict parallel safe as $$
begin
  return string_to_array(tenant_id || ' ' || array_to_string(tags, ',' || tenant_id || ' '), ',') || array[user_id, key_id];
end $$;
drop index usage_by_tag;
create index usage_by_tag on usage using gin (usage_terms(tenant_id, user_id, key_id, tags)) where tags is not null;
drop function tenant_tags;
