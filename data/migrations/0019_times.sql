-- How long a task of a step takes, as it was learned: guards of budgets and the keeper know it after a restart.
alter table steps add column mean_ms bigint not null default 0;
alter table steps add column sigma_ms bigint not null default 0;
alter table steps add column samples bigint not null default 0;
