-- What a fit of a search was and cost, beyond its scores.

alter table trials
    add column outer_fold int not null default -1,    -- of a nested search; -1: the search itself
    add column options    jsonb not null default '{}',
    add column share      float8 not null default 1,  -- of the training rows it was fitted on
    add column rows       bigint not null default 0,  -- it was fitted on
    add column memory     bigint not null default 0,  -- bytes of the rows in memory, about
    add column report     jsonb not null default '{}', -- model.Report: iterations, warnings, learning curve
    drop constraint trials_pkey,
    add primary key (run, outer_fold, trial, fold);
