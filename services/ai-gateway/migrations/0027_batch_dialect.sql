-- Batches are asked for in the form of OpenAI, Anthropic or Google, and each is shown to callers of its own. The last two bring their requests with
-- them: what is known of these, and where their answers lie, stands in files that are a batch's own and shown to nobody.
alter table batch add column dialect text not null default 'openai' check (dialect in ('openai', 'anthropic', 'gemini'));
alter table file drop constraint file_purpose_check;
alter table file add constraint file_purpose_check check (purpose in ('batch', 'batch_output', 'requests', 'answers'));
