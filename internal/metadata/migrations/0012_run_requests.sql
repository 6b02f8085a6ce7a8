-- What asked for a run over HTTP by a key of its own, so that the same request twice
-- is one, and another request with the same key is refused.

create table run_requests (
    pipeline     text not null,
    key          text not null,              -- the Idempotency-Key
    request_hash bytea not null,             -- SHA-256 of the request's body
    token        text not null default '',   -- name of the token it was asked with first; '': none
    answer       jsonb,                      -- as it was given first; null: not yet
    at           timestamptz not null default now(),
    primary key (pipeline, key)
);
