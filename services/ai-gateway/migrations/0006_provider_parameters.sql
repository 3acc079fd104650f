-- Which of its versions an API is asked in, and what becomes of a parameter that a model does not take.
alter table provider add column api_version text not null default '';
alter table provider add column unsupported_parameters text not null default 'refuse';
