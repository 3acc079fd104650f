-- What a provider does with prompts, as its tenant says.
alter table provider add column data_policy text not null default 'unknown';
