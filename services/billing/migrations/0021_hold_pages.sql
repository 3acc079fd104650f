-- A hold lives for moments, so the table is nearly empty whenever it is swept. A sweep that gives its pages back makes what
-- reads and writes holds wait for it, and leaves a table so small that plans made for it read all of it, which stays so when it
-- has grown again.
alter table hold set (vacuum_truncate = off);
