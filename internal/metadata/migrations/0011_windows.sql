-- What the monitor has seen of an endpoint: windows, the summaries they are made of,
-- where its alerts stand, and whom it told.

-- A window is computed once; again only for labels that came after it was, which
-- computed counts.
create table windows (
    endpoint    text not null,
    begins      timestamptz not null,
    ends        timestamptz not null check (ends > begins),
    computed    int not null check (computed > 0),
    state       text not null,               -- measured, no_traffic, insufficient_data
    requests    bigint not null,             -- whatever became of them
    answered    bigint not null,
    labelled    bigint not null,             -- of the answered
    result      jsonb not null,              -- reference to the measures (JSON)
    report      jsonb not null,              -- reference to the page (HTML)
    labels_seen timestamptz not null,        -- of the labels that were there, the latest arrival
    note        text not null default '',
    first       timestamptz not null default now(),
    last        timestamptz not null default now(),
    primary key (endpoint, begins)
);

-- Summaries merge: those of a month are those of its hours.
create table window_summaries (
    endpoint      text not null,
    model_name    text not null,
    model_version int not null,
    begins        timestamptz not null,
    ends          timestamptz not null,
    summary       bytea not null,            -- drift.Summary, in its canonical JSON
    primary key (endpoint, model_name, model_version, begins)
);

create table boards (
    endpoint text primary key,
    version  bigint not null,                -- grows by one with every change
    board    jsonb not null
);

create table alerts (
    id       text primary key,               -- of the message: the same event is told once
    endpoint text not null,
    window_end timestamptz not null,
    change   text not null check (change in ('opened', 'lasting', 'resolved')),
    kind     text not null,
    severity text not null,
    event    jsonb not null,
    told     text[] not null default '{}',   -- channels
    at       timestamptz not null default now()
);
create index alerts_by_window on alerts (endpoint, window_end desc);
