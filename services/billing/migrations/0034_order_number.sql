-- An order is looked for by what the provider calls it, whichever provider that is.
create index payment_order_by_session on payment_order (session_id);
create index payment_order_by_payment on payment_order (payment_id);
