-- Tables for the tests of the event log.
create table counter (key text primary key, version int not null default 0);
create table effect (event_id text not null, value text not null);
