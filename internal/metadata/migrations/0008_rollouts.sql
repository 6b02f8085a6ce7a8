-- How a model version comes to be what an endpoint serves, and how it is taken back.

-- At most one rollout is open on an endpoint, and while one is, it alone moves the
-- endpoint; both are decided under the lock of the endpoint's row.
create table rollouts (
    id              text primary key,              -- Temporal workflow id
    endpoint        text not null references endpoints (name),
    run             text not null default '',      -- that made the model version; '': by hand
    model_name      text not null,
    model_version   int not null,
    baseline_name   text not null default '',      -- what was live before, and is again if it is taken back
    baseline_version int not null default 0,       -- '' and 0: nothing was
    baseline        bigint not null,               -- the revision it found
    state           text not null check (state in ('approval', 'replay', 'shadow', 'canary', 'promotion',
                    'live', 'rejected', 'rolled_back', 'superseded', 'cancelled', 'failed')),
    step            text not null default '',      -- the present step, as people read it
    seq             int not null default 0,        -- of its last move: an older one changes nothing
    approved_by     text not null default '',
    approval_reason text not null default '',
    actor           text not null default '',      -- who or what ended it
    reason          text not null default '',      -- why
    superseded_by   text not null default '',      -- the rollout that took its place
    evidence        jsonb not null default '{}',
    started         timestamptz not null default now(),
    changed         timestamptz not null default now(),
    finished        timestamptz,
    foreign key (model_name, model_version) references model_versions (name, version)
);
create unique index rollouts_open on rollouts (endpoint) where finished is null;
create index rollouts_by_endpoint on rollouts (endpoint, started desc);
create index rollouts_by_run on rollouts (run);

-- A revision that takes back what the one of this number served.
alter table revisions add column takes_back bigint not null default 0;

alter table aliases add column evidence jsonb not null default '{}';
alter table alias_history add column evidence jsonb not null default '{}';
