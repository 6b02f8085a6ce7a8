-- What the monitor tells over time without opening the artifacts of each window.

-- The few figures of a window that lines over time and gauges are drawn of.
alter table windows add column figures jsonb not null default '{}';

-- The errors of the labelled answers in order of time, a few hundred points a summary:
-- a change of them is looked for over many windows.
alter table window_summaries add column errors bytea;
