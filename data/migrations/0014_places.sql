-- An attempt that may bring what it made into its place. It is written before the worker hears it, so that no other one of the
-- same tasks is told the same after a restart of the house.
alter table attempts add column places bigint not null default 0;
