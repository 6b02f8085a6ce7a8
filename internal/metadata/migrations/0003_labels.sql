-- Ground truth, as it became known: late, out of order, in part, twice, corrected.

-- A label is never changed. Of the labels of one target the newest by (observed_at,
-- received_at, id) is in force; the others are its history. That the prediction is
-- there is not asked: an answer may still be on its way from the server.
create table labels (
    id            bigint generated always as identity primary key,
    key           bytea not null unique,     -- SHA-256 of endpoint, target, value and the observed_at that was given: the same label twice is one
    endpoint      text not null,             -- looked up once a batch; endpoints are never removed
    prediction_id uuid,
    request_id    text,                      -- the caller's own key, where it did not keep the prediction's id
    target        text not null generated always as (coalesce('p' || prediction_id::text, 'r' || request_id)) stored,
    value         jsonb not null check (jsonb_typeof(value) in ('number', 'string')),
    observed_at   timestamptz not null,      -- when the truth was known
    received_at   timestamptz not null,
    source        text not null default '',  -- who told: a file, a server
    check ((prediction_id is null) <> (request_id is null))
);
create index labels_by_target on labels (endpoint, target, observed_at desc, received_at desc, id desc);
create index labels_by_arrival on labels (endpoint, received_at);
create trigger labels_append_only before update or delete on labels
    for each row execute function esteira_refuse_change();

-- A label may name the request.
create index predictions_by_request on predictions (endpoint, request_id, at);
