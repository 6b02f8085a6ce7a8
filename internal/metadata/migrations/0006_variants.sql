-- What an endpoint serves beside its live model version, and who let it.

alter table revisions
    add column canary_name    text not null default '',  -- '' and 0: no canary
    add column canary_version int not null default 0,
    add column canary_share   float8 not null default 0 check (canary_share between 0 and 1), -- of the requests
    add column shadow_name    text not null default '',  -- '' and 0: no shadow
    add column shadow_version int not null default 0,
    add column shadow_share   float8 not null default 0 check (shadow_share between 0 and 1),
    add column rollout        text not null default '',  -- id of the rollout's workflow; '': none
    add column approved_by    text not null default '';

-- An answer of a shadow is a row like any other, but for its role: nobody received it.
alter table predictions
    add column role            text not null default 'live' check (role in ('live', 'canary', 'shadow')),
    add column shadow_of       uuid,                      -- the prediction that was answered instead
    add column token           text not null default '',  -- name of the token it was asked with
    add column request_hash    bytea,                     -- SHA-256 of the request's body
    add column idempotency_key text not null default '';
