-- When it was last told that a limit of a person or group was met: by whichever node, at most once a minute.
alter table subject_limit add column told_at timestamptz;
