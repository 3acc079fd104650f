-- Where a provider works on prompts, as its tenant says; empty where that is not known.
alter table provider add column region text not null default '';
