-- What people are told of more alerts than they read, and what they could not be told.

-- Of a window with very many alerts the least severe are told by one that is grouped.
alter table alerts drop constraint alerts_change_check;
alter table alerts add constraint alerts_change_check check (change in ('opened', 'lasting', 'resolved', 'grouped'));
