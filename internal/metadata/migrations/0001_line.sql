-- The line: what was asked, what ran, on which bytes, what it made and what answered.
-- Times are timestamptz; digests are lower-case hex SHA-256; a *_ref column is an
-- artifact reference {"digest","size","media_type"}.

create table pipelines (
    digest      text primary key,            -- of the canonical definition
    name        text not null,
    definition  jsonb not null,              -- reference to the canonical JSON
    created     timestamptz not null default now()
);
create index pipelines_by_name on pipelines (name, created desc);

create table problems (
    pipeline    text not null,
    version     int not null,
    digest      text not null,               -- of the canonical problem
    body        jsonb not null,
    created     timestamptz not null default now(),
    primary key (pipeline, version),
    unique (pipeline, digest)
);

create table runs (
    id              text primary key,        -- Temporal workflow id
    temporal_run_id text not null default '',
    pipeline        text not null,
    pipeline_digest text not null,
    trigger         text not null,           -- manual, schedule, backfill, drift, …
    moment          timestamptz,             -- what a scheduled run is for; null if it is for no moment
    state           text not null default 'running'
                    check (state in ('running', 'completed', 'failed', 'rejected', 'cancelled')),
    decision        text not null default '',
    reason          text not null default '',
    model_name      text not null default '',
    model_version   int not null default 0,  -- 0 while there is none
    metric          text not null default '',
    score           float8,
    error_kind      text not null default '',
    reports         jsonb not null default '{}',  -- name -> reference
    started         timestamptz not null default now(),
    finished        timestamptz
);
-- At most one run holds a moment of a pipeline; a failed or cancelled one gives it back.
create unique index runs_of_moment on runs (pipeline, moment)
    where moment is not null and state in ('running', 'completed', 'rejected');
create index runs_by_start on runs (started desc);
create index runs_by_pipeline on runs (pipeline, started desc);

create table steps (
    run           text not null references runs (id),
    step          text not null,
    attempt       int not null default 1,
    state         text not null check (state in ('running', 'completed', 'failed', 'cancelled')),
    cache         text not null default 'off' check (cache in ('hit', 'miss', 'off')),
    cache_reason  text not null default '',
    figure        text not null default '',  -- the key figure, as people read it
    outputs       jsonb not null default '{}',
    error_kind    text not null default '',
    error_message text not null default '',
    started       timestamptz not null,
    finished      timestamptz,
    primary key (run, step, attempt)
);

create table step_cache (
    key      text primary key,               -- digest of (step, its version, parameters, inputs)
    step     text not null,
    result   jsonb not null,
    outputs  jsonb not null,
    figure   text not null default '',
    run      text not null,                  -- that computed it
    created  timestamptz not null default now()
);

create table artifacts (
    digest     text primary key,
    size       bigint not null,
    media_type text not null,
    created    timestamptz not null default now()
);

create table lineage (
    output text not null references artifacts (digest),
    input  text not null,
    run    text not null,
    step   text not null,
    primary key (output, input, run, step)
);
create index lineage_forward on lineage (input);
create index lineage_of_run on lineage (run, output);

create table snapshots (
    run        text not null references runs (id),
    source     text not null,
    digest     text not null,                -- of the snapshot's manifest or table
    size       bigint not null,
    media_type text not null,
    checksum   text not null,                -- over the checksums of the source's files
    files      jsonb not null default '[]',  -- [{"path","size","checksum"}]
    rows       bigint not null,
    schema     jsonb not null default '[]',
    taken      timestamptz not null,
    primary key (run, source)
);
create index snapshots_by_digest on snapshots (digest);
create index snapshots_by_checksum on snapshots (checksum);

create table datasets (
    run        text primary key references runs (id),
    digest     text not null,
    size       bigint not null,
    media_type text not null,
    rows       bigint not null,
    schema     jsonb not null default '[]',
    created    timestamptz not null default now()
);
create index datasets_by_digest on datasets (digest);

create table checks (
    run      text not null references runs (id),
    ordinal  int not null,                   -- place of the rule in the pipeline file
    column_name text not null default '',
    name     text not null,                  -- type, range, set, …
    severity text not null,
    passed   boolean not null,
    failed   bigint not null,                -- rows that fail
    rows     bigint not null,                -- rows looked at
    message  text not null default '',
    details  jsonb not null default '{}',
    primary key (run, ordinal)
);

create table splits (
    run        text not null references runs (id),
    split      text not null,                -- train, validation, test
    digest     text not null,
    size       bigint not null,
    media_type text not null,
    rows       bigint not null,
    primary key (run, split)
);

create table trials (
    run          text not null references runs (id),
    trial        int not null,
    fold         int not null,               -- -1: fitted on all training rows
    kind         text not null,
    params       jsonb not null default '{}',
    scores       jsonb not null default '{}',
    seconds      float8 not null,
    worker       text not null default '',
    model_digest text not null default '',
    error        text not null default '',
    created      timestamptz not null default now(),
    primary key (run, trial, fold)
);

create table metrics (
    run    text not null references runs (id),
    model  text not null,                    -- ols, logistic, baseline, champion, …
    split  text not null,
    metric text not null,
    value  float8 not null,                  -- may be NaN
    primary key (run, model, split, metric)
);

create table gates (
    run       text not null references runs (id),
    ordinal   int not null,
    metric    text not null,
    condition text not null,                 -- as people read it
    value     float8 not null,
    bound     float8 not null,
    passed    boolean not null,
    reason    text not null default '',
    primary key (run, ordinal)
);

create table model_versions (
    name              text not null,
    version           int not null check (version > 0),
    bundle_digest     text not null,
    bundle_size       bigint not null,
    bundle_media_type text not null,
    run               text not null,
    metrics           jsonb not null default '{}',
    created           timestamptz not null default now(),
    primary key (name, version),
    unique (name, bundle_digest)
);

create table aliases (
    model   text not null,
    alias   text not null,
    version int not null,
    actor   text not null,
    reason  text not null default '',
    changed timestamptz not null default now(),
    primary key (model, alias),
    foreign key (model, version) references model_versions (name, version)
);
create table alias_history (
    id       bigint generated always as identity primary key,
    model    text not null,
    alias    text not null,
    version  int not null,
    previous int not null default 0,
    actor    text not null,
    reason   text not null default '',
    changed  timestamptz not null default now()
);
create index alias_history_by_alias on alias_history (model, alias, id);

create table endpoints (
    name     text primary key,
    revision bigint not null default 0,      -- the fencing number: only ever grows by one
    created  timestamptz not null default now()
);

create table revisions (
    endpoint      text not null references endpoints (name),
    revision      bigint not null check (revision > 0),
    model_name    text not null,             -- '' and 0: from here on nothing answers
    model_version int not null,
    run           text not null default '',
    actor         text not null,
    reason        text not null default '',
    evidence      jsonb not null default '{}',
    previous      bigint not null,
    created       timestamptz not null default now(),
    primary key (endpoint, revision)
);
create index revisions_by_run on revisions (run);

create table servers (
    id      text primary key,
    address text not null,
    started timestamptz not null,
    seen    timestamptz not null default now()
);
create table server_revisions (
    server   text not null references servers (id) on delete cascade,
    endpoint text not null,
    revision bigint not null,
    state    text not null check (state in ('loading', 'live', 'failed')),
    error    text not null default '',
    answered_at timestamptz,                 -- first answer computed from this revision
    changed  timestamptz not null default now(),
    primary key (server, endpoint, revision)
);
create index server_revisions_by_endpoint on server_revisions (endpoint, revision);

-- One row per answered or refused request. The day is the UTC day in the id's own
-- 48-bit timestamp (RFC 9562, version 7), so that a record sent twice meets itself.
create table predictions (
    day           date not null
                  check (day = (timezone('UTC', to_timestamp(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)))::date),
    id            uuid not null,
    endpoint      text not null,
    revision      bigint not null,           -- 0 if none answered
    model_name    text not null,
    model_version int not null,
    at            timestamptz not null,
    request_id    text not null default '',  -- the caller's own key
    features      jsonb,
    outputs       jsonb,
    status        int not null,              -- HTTP status of the answer
    error         text not null default '',
    latency_us    int not null,
    primary key (day, id)
) partition by range (day);
create index predictions_by_endpoint on predictions (endpoint, at);

-- History is append-only: what was served, and who pointed at what.
create function esteira_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'rows of % are history and are never changed', tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger revisions_append_only before update or delete on revisions
    for each row execute function esteira_refuse_change();
create trigger alias_history_append_only before update or delete on alias_history
    for each row execute function esteira_refuse_change();
