-- A table that is derived from events, and one beside it to derive it anew.
create table total (key text primary key, count int not null, last text not null);
create table total_rebuild (like total including all);
