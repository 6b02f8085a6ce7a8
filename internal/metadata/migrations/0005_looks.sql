-- Which model versions were judged on which test rows. A row is written before the
-- rows are read; the same model on the same rows is one look, whichever run asks.
create table looks (
    test    text not null,                   -- digest of the test rows
    number  int not null check (number > 0), -- of the look at these rows, from 1
    model   text not null,                   -- digest of the model and its features
    run     text not null,                   -- that looked first
    looked  timestamptz not null default now(),
    primary key (test, number),
    unique (test, model)
);
create trigger looks_append_only before update or delete on looks
    for each row execute function esteira_refuse_change();
