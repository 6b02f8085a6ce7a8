-- What asked for a retraining, and what became of it.

create table triggers (
    pipeline text not null,
    key      text not null,                  -- the same trigger twice is one
    kind     text not null,                  -- alert, labels, new_data, http, manual
    reason   text not null default '',
    outcome  text not null check (outcome in ('started', 'remembered', 'dropped')),
    why      text not null default '',       -- of the outcome
    run      text not null default '',       -- that it started, or became part of
    at       timestamptz not null default now(),
    primary key (pipeline, key)
);
create index triggers_by_time on triggers (pipeline, at desc);
