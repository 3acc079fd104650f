-- Tiers may say what the modes cost in them: of these numbers the same holds as of all others.
alter table price add constraint tier_modes_have_shape check (
  not jsonb_path_exists(terms, 'lax $.tiers[*].modes.*.* ? (@.type() != "string" || !(@ like_regex "^[0-9]{1,19}$"))'));
