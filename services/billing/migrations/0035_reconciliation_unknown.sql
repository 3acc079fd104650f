-- A report of which some has no cost price does not agree with our ledger: nobody knows.
alter table reconciliation drop constraint reconciliation_state_check;
alter table reconciliation add constraint reconciliation_state_check check (state in ('matched', 'drift', 'unknown'));
update reconciliation set state = 'unknown'
where state = 'matched' and jsonb_path_exists(differences, '$[*] ? (@.state == "unknown")');
