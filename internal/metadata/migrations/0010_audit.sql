-- What the audit log keeps of each endpoint, which answers it can repeat, and which
-- days of it have left for the object store.

-- The policy of an endpoint is its newest version; the others are its history.
create table audit_policies (
    endpoint     text not null,
    version      bigint not null check (version > 0),
    mode         text not null check (mode in ('strict', 'bounded')),
    max_records  bigint not null default 0,     -- bounded: answered and not yet synced, at most
    max_delay_us bigint not null default 0,     -- bounded: no answer leaves while one has waited longer for its sync
    columns      jsonb not null default '{}',   -- name -> hash, mask or omit
    key          text not null default '',      -- reference to the secret that hashes; never the secret
    actor        text not null,
    reason       text not null default '',
    created      timestamptz not null default now(),
    primary key (endpoint, version)
);
create trigger audit_policies_append_only before update or delete on audit_policies
    for each row execute function esteira_refuse_change();

alter table predictions
    add column mode     text not null default 'strict' check (mode in ('strict', 'bounded')),
    add column redacted jsonb;                   -- what was done to which feature: name -> hash, mask or omit

-- The first answer to a request that came with an Idempotency-Key, as its bytes were.
create table idempotent_answers (
    endpoint      text not null,
    token         text not null,                -- name of the token it was asked with; '': none
    key           text not null,
    request_hash  bytea not null,
    header        jsonb not null,
    body          bytea not null,
    prediction_id uuid not null,                -- of its first row
    at            timestamptz not null,
    primary key (endpoint, token, key)
);
create index idempotent_answers_by_time on idempotent_answers (at);

-- The days of predictions that are in the object store too. Manifests form one
-- chain by sequence, in which each names the one before; a day has one of part 0
-- and one more for each time that records of it came late.
create table audit_exports (
    sequence  bigint primary key check (sequence > 0),
    day       date not null,
    part      int not null check (part >= 0),
    rows      bigint not null,
    head      text not null,                    -- hex SHA-256: end of the chain of the rows
    parquet   jsonb not null,                   -- reference
    manifest  jsonb not null,                   -- reference
    previous  text not null default '',         -- digest of the manifest before; '': the first
    counts    jsonb not null,                   -- rows by endpoint, revision, model version and role
    exported  timestamptz not null default now(),
    unique (day, part)
);
create trigger audit_exports_append_only before update or delete on audit_exports
    for each row execute function esteira_refuse_change();

-- The partitions that were dropped, and what vouched for them.
create table audit_drops (
    day      date not null,
    dropped  timestamptz not null default now(),
    rows     bigint not null,
    sequence bigint not null references audit_exports (sequence), -- newest export of the day then
    primary key (day, dropped)
);
create trigger audit_drops_append_only before update or delete on audit_drops
    for each row execute function esteira_refuse_change();
