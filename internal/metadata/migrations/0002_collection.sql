-- What incremental sources have given so far, and which problem a run answered.

-- One row per growth of a source: the records of its new parts and how far they
-- reach. A generation starts with a full collection; the rows of the greatest one
-- are the source. A row is written in one piece, so that parts and watermark
-- cannot disagree.
create table increments (
    pipeline   text not null,
    source     text not null,
    generation int not null check (generation > 0),
    ordinal    int not null check (ordinal > 0),
    definition text not null,                -- digest of the source's definition
    run        text not null,                -- that collected it
    records    jsonb not null,               -- references to the records of its parts
    rows       bigint not null,
    watermark  text not null,                -- greatest value of the column; '' if there was no row yet
    taken      timestamptz not null default now(),
    primary key (pipeline, source, generation, ordinal)
);

alter table runs add column problem_version int not null default 0;  -- 0: not defined
alter table runs add column solved boolean;                          -- null: no threshold, or not judged
