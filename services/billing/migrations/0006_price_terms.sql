-- What a version of a price says, beside more than three rates: tiers by input, modes of service, windows of the day, mark-up.
-- Numbers are strings of digits, so that none passes through a double.
alter table price add column terms jsonb;
update price set terms = jsonb_build_object('rates', jsonb_build_object('input', input_nanos_per_million::text,
  'cacheRead', cached_input_nanos_per_million::text, 'output', output_nanos_per_million::text));
alter table price
  alter column terms set not null,
  drop column input_nanos_per_million,
  drop column cached_input_nanos_per_million,
  drop column output_nanos_per_million,
  add constraint terms_have_shape check (
    jsonb_typeof(terms) = 'object'
    and terms - '{rates,tiers,modes,windows,markupPpm}'::text[] = '{}'
    and jsonb_typeof(terms -> 'rates') = 'object'
    and jsonb_typeof(coalesce(terms -> 'tiers', '[]')) = 'array'
    and jsonb_typeof(coalesce(terms -> 'modes', '{}')) = 'object'
    and jsonb_typeof(coalesce(terms -> 'windows', '[]')) = 'array'
    and not jsonb_path_exists(terms,
      'lax $.**.rates.* ? (@.type() != "string" || !(@ like_regex "^[0-9]{1,19}$"))')
    and not jsonb_path_exists(terms,
      'lax $.modes.*.* ? (@.type() != "string" || !(@ like_regex "^[0-9]{1,19}$"))')
  ),
  -- Whose it is: a tenant's, a plan's, or, where both are empty, everyone's.
  add column plan_id text not null default '',
  add constraint price_has_one_owner check (tenant_id = '' or plan_id = ''),
  -- A version is current from then on, until a later one is. Of two with the same time the higher version counts.
  add column effective_at timestamptz not null default now(),
  add column origin text not null default 'provider' check (origin in ('provider', 'catalog', 'operator'));
alter table price
  drop constraint price_tenant_id_provider_model_version_key,
  add unique (provider, model, tenant_id, plan_id, version);
create index price_by_time on price (provider, model, tenant_id, plan_id, effective_at desc, version desc);

-- A named set of terms that tenants are put on. Its mark-up has versions, as prices have; a price id names both.
create table price_plan (
  plan_id text primary key,
  name text not null unique,
  description text not null default '',
  created_at timestamptz not null default now()
);
create table price_plan_version (
  plan_version_id text primary key,
  plan_id text not null references price_plan,
  version integer not null,
  markup_ppm integer not null check (markup_ppm between -1000000 and 1000000000),
  created_at timestamptz not null default now(),
  unique (plan_id, version)
);
create table price_plan_tenant (
  tenant_id text primary key,
  plan_id text not null references price_plan,
  assigned_at timestamptz not null default now()
);
create index price_plan_tenant_by_plan on price_plan_tenant (plan_id, tenant_id);
revoke update, delete, truncate on price_plan_version from lyss_billing;

-- Buckets that most calls have none of, as strings of digits; null for none. Null for the provider's usual mode.
alter table usage
  add column other_buckets jsonb,
  add column service_mode text check (service_mode in ('batch', 'flex', 'priority'));
