-- Which attempt of its call a row goes on with, whose answer broke off: only then are two of them charged.
alter table usage add column continues_attempt smallint;
-- Rows from before do not say so, and are known by what is left: the one charged attempt behind one that broke off.
update usage set continues_attempt = (
  select min(earlier.attempt) from usage as earlier
  where earlier.call_id = usage.call_id and earlier.attempt < usage.attempt and earlier.cost_nanos > 0
  having count(*) = 1 and min(earlier.outcome) = 'truncated')
where attempt > 1 and cost_nanos > 0;
