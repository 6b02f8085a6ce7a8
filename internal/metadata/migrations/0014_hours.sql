-- What the requests of an endpoint came to by the hour of UTC: windows longer than an
-- hour are made of these rows, and the requests of an hour are read once.

-- An hour is current while touched is what it was when it was summarised. Whoever adds
-- a request to an hour that is over, or nearly, touches it.
create table hours (
    endpoint   text not null,
    hour       timestamptz not null,
    touched    bigint not null default 0,    -- grows with requests and labels that come
    summarised bigint not null default -1,   -- what touched was before the requests were read; -1: never
    requests   bigint not null default 0,    -- summarised
    counts     jsonb not null default '{}',  -- of all requests, as internal/window encodes them
    primary key (endpoint, hour)
);

-- What one model version answered in an hour. The samples are blocks of rows, those
-- wanted most first: of a long window the beginning is read, from the levels on that
-- are few enough, which storage external allows without reading the rest.
create table hour_parts (
    endpoint        text not null,
    hour            timestamptz not null,
    model_name      text not null,
    model_version   int not null,
    part            jsonb not null,          -- counts, exact sums and the drift.Summary
    sample_from     int[] not null,          -- of both samples, the lowest level that is kept
    rows_levels     int[] not null,          -- of the blocks: level, rows, and where it ends
    rows_counts     bigint[] not null,
    rows_ends       bigint[] not null,
    rows            bytea not null,          -- drawn of all answers
    labelled_levels int[] not null,
    labelled_counts bigint[] not null,
    labelled_ends   bigint[] not null,
    labelled        bytea not null,          -- drawn of the labelled ones
    primary key (endpoint, hour, model_name, model_version),
    foreign key (endpoint, hour) references hours on delete cascade
);
alter table hour_parts alter column rows set storage external, alter column labelled set storage external;

-- The arrival of the labels that have touched the hours of their answers.
create table hour_labels (
    endpoint text primary key,
    seen     timestamptz not null
);
