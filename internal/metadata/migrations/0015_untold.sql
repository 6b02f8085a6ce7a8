-- What people are told of more alerts than they read, and what they could not be told.

-- Of a window with very many alerts the least severe are told by one that is grouped.
alter table alerts drop constraint alerts_change_check;
alter table alerts add constraint alerts_change_check check (change in ('opened', 'lasting', 'resolved', 'grouped'));

-- The channels that are to be told of an alert are written with it, and tried until
-- they are told or it is too old.
alter table alerts add column untold text[] not null default '{}', add column given_up text[] not null default '{}';
create index alerts_untold on alerts (endpoint) where untold <> '{}';
