-- Who may ask the prediction servers, and for what. A token itself is shown once and
-- kept nowhere: only its SHA-256 is here.

create table tokens (
    name     text primary key check (name <> ''),
    hash     bytea not null unique check (length(hash) = 32),
    scopes   text[] not null check (cardinality(scopes) > 0 and scopes <@ array['predict', 'label', 'deploy', 'audit']),
    endpoint text not null default '',          -- '': all
    created  timestamptz not null default now(),
    actor    text not null default '',
    expires  timestamptz,                       -- null: never
    revoked  timestamptz                        -- null: not
);
