-- Whether a stream of the route that breaks off after it has begun is gone on with at another target.
alter table route add column continues boolean not null default false;
