-- Jobs wait for jobs, have a deadline and a budget; what is given by index, and quarantines that we found
-- ourselves, outlive a restart. Money is in millionths of the currency's unit.
create table job_after (
    job bigint not null,
    after bigint not null,
    anyhow bigint not null,         -- 1: however that one ends; 0: it must end well
    primary key (job, after)
);
alter table jobs add column deadline_ms bigint not null default 0;  -- 0: none
alter table jobs add column budget bigint not null default -1;      -- -1: no limit
alter table jobs add column currency text not null default '';      -- of budget and spent
alter table jobs add column spent bigint not null default 0;        -- on workers that cost money
alter table attempts add column gpus bigint not null default 0;     -- by bit
alter table workers add column bad_until_ms bigint not null default 0; -- quarantine of its machine, found by us
alter table workers add column bad_times bigint not null default 0;    -- in a row
