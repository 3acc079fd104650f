-- Each wallet's postings form a chain: a posting's hash covers the hash of the one before it and everything the posting
-- says, so that no row can be changed, taken out or put in without every later hash being wrong (docs/adr/0041). The head
-- is kept on the wallet, whose row lock a posting needs anyway. Postings that touch no wallet have a chain of their own.
alter table wallet
  add column journal_sequence bigint not null default 0,
  add column journal_hash text not null default '';

create table platform_chain (
  is_only boolean primary key default true check (is_only),
  journal_sequence bigint not null default 0,
  journal_hash text not null default ''
);
insert into platform_chain default values;

alter table posting
  add column chain text,
  add column sequence bigint,
  add column hash text;

-- The kinds are named in journal/posting.ts.
alter table posting drop constraint posting_kind_check,
  add constraint posting_kind_check check (kind ~ '^[a-z_]{1,40}$');

-- A field with its length in front of it: no two lists of fields come to the same text.
create function chain_field(field text) returns text immutable language sql as $$
  select octet_length(field) || ':' || field || ',' $$;

-- What was posted before this migration becomes the beginning of the chains, in the order of time.
do $$
declare
  p record;
  chain_id text;
  head record;
  fields text;
begin
  for p in select * from posting order by created_at, posting_id loop
    select coalesce(min(substr(account, 8)), 'platform') into chain_id
      from entry where posting_id = p.posting_id and account like 'wallet:%';
    select * into strict head from (
      select journal_sequence, journal_hash from wallet where wallet_id = chain_id
      union all select journal_sequence, journal_hash from platform_chain where chain_id = 'platform') heads;
    select chain_field(head.journal_hash) || chain_field(chain_id) || chain_field((head.journal_sequence + 1)::text)
        || chain_field(p.posting_id) || chain_field(p.kind) || chain_field(p.reference) || chain_field(p.currency)
        || chain_field((extract(epoch from p.created_at) * 1000000)::bigint::text)
        || string_agg(chain_field(account) || chain_field(amount_nanos::text), '' order by account collate "C")
      into fields from entry where posting_id = p.posting_id;
    update posting set chain = chain_id, sequence = head.journal_sequence + 1,
      hash = encode(sha256(convert_to(fields, 'UTF8')), 'hex') where posting_id = p.posting_id;
    update wallet set journal_sequence = head.journal_sequence + 1,
      journal_hash = encode(sha256(convert_to(fields, 'UTF8')), 'hex') where wallet_id = chain_id;
    update platform_chain set journal_sequence = head.journal_sequence + 1,
      journal_hash = encode(sha256(convert_to(fields, 'UTF8')), 'hex') where chain_id = 'platform';
  end loop;
end $$;
drop function chain_field(text);

-- The index keeps a chain from being forked.
alter table posting
  alter column chain set not null,
  alter column sequence set not null,
  alter column hash set not null,
  add constraint posting_chain_key unique (chain, sequence);

-- Calls that were settled by themselves name their posting too.
update usage set posting_id = posting.posting_id
from posting where usage.posting_id = '' and posting.kind = 'charge' and posting.reference = usage.call_id;
