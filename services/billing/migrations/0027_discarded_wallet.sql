-- The wallet of a tenant that was never set up goes with it. Nothing else deletes a wallet, and the service's role cannot.
create function delete_unused_wallet(p_tenant_id text) returns void
language sql security definer set search_path = billing, pg_temp as $$
  delete from wallet
  where tenant_id = p_tenant_id and balance_nanos = 0 and held_nanos = 0 and journal_sequence = 0
$$;
revoke execute on function delete_unused_wallet from public;
grant execute on function delete_unused_wallet to lyss_billing;
