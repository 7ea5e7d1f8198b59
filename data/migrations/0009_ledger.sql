-- The ledger of a farm. A task is not a row: a step counts its tasks, a page has the states of 4096 of
-- them and is there only when one of them is not waiting. An attempt is a run of tasks of one step on one
-- worker; its fence only grows. While it runs its tasks are still 'waiting' in their page.
drop index jobs_active;
drop index jobs_created;
drop index jobs_of_project;
drop index jobs_of_version;
drop index ranges_of_job;
drop index ranges_claim;
drop index attempts_running;
drop index attempts_of_job;
alter table jobs rename to jobs_8;
alter table steps rename to steps_8;
alter table ranges rename to ranges_8;
alter table attempts rename to attempts_8;

create table jobs (
    id text primary key,
    number bigint not null unique,  -- order of arrival; its name in the tables below
    project text not null,
    kind text not null,             -- probe, proxy, encode: a ticket for an engine; render: a template
    title text not null,
    state text not null,            -- waiting, running, suspended, stopped, approval, done, failed, cancelled
    ended bigint not null,          -- 1: done, failed or cancelled
    tier bigint not null,           -- 0 lowest .. 7 highest
    priority bigint not null,       -- 0 lowest .. 100 highest
    asset text,
    version text,
    subject text,                   -- what it is for, when that is no version: a delivery
    cause text unique,              -- what queued it: the same cause again queues nothing
    ticket text not null,           -- JSON: what of the engine's ticket is known already
    options text not null,          -- JSON: tries, preview, approval, outputs, ...
    approved bigint not null,       -- 1: its preview was looked at
    made_by text not null,
    created_ms bigint not null,
    started_ms bigint not null,     -- 0: not yet
    ended_ms bigint not null,       -- 0: not yet
    done bigint not null,
    total bigint not null,
    unit text not null,
    attempts bigint not null,
    problem text                    -- JSON
);
create index jobs_live on jobs (ended, number);
create index jobs_created on jobs (created_ms, id);
create index jobs_of_project on jobs (project, created_ms, id);
create index jobs_of_version on jobs (version);
create table job_documents (
    job bigint primary key,
    form text not null,             -- yaml, json
    template text not null,
    parameters text not null        -- JSON
);
create table steps (
    job bigint not null,
    number bigint not null,         -- from 1
    name text not null,
    tasks bigint not null,
    done bigint not null,
    failed bigint not null,
    cancelled bigint not null,
    plan text not null,             -- JSON: what the scheduler is told: chunk, needs, dependencies, ...
    primary key (job, number)
);
create table task_pages (
    job bigint not null,
    step bigint not null,
    page bigint not null,           -- tasks page * 4096 and on
    state bigint not null,          -- of all of them: 0 waiting, 1 done, 2 failed, 3 cancelled; -1: see states
    states blob,                    -- 2 bits a task, the first in the lowest bits of the first byte
    primary key (job, step, page)
);
create table task_faults (
    job bigint not null,
    step bigint not null,
    task bigint not null,
    tries bigint not null,
    losses bigint not null,
    primary key (job, step, task)
);
create table attempts (
    fence integer primary key,
    job bigint not null,
    step bigint not null,
    first bigint not null,
    last bigint not null,
    worker text not null,
    state text not null,            -- running, dropped, committed, failed, lost, stopped, stale
    began_ms bigint not null,
    ended_ms bigint not null,
    error text                      -- JSON
);
create index attempts_running on attempts (job) where state = 'running';
create index attempts_dropped on attempts (job) where state = 'dropped';
create index attempts_of_job on attempts (job);
alter table workers add column has text not null default '{}'; -- JSON: amounts, words

insert into jobs
    select id, row_number() over (order by created_ms, id), project, kind, title, state,
        case when state in ('done', 'failed', 'cancelled') then 1 else 0 end,
        6, priority, asset, version, subject, cause, ticket, '{}', 0, made_by, created_ms, started_ms, ended_ms,
        done, total, unit, attempts, problem
    from jobs_8;
insert into steps
    select j.number, s.number, s.name, count(r.id),
        sum(case when j.state = 'done' then 1 else 0 end), sum(case when j.state = 'failed' then 1 else 0 end),
        sum(case when j.state = 'cancelled' then 1 else 0 end), '{}'
    from steps_8 s join jobs j on j.id = s.job join ranges_8 r on r.job = s.job
    group by j.number, s.number, s.name;
insert into task_pages
    select s.job, s.number, 0, case j.state when 'done' then 1 when 'failed' then 2 else 3 end, null
    from steps s join jobs j on j.number = s.job where j.ended = 1;
insert into attempts
    select row_number() over (order by t.started_ms, t.id), j.number, 1, 0, 0, t.worker,
        case t.state when 'running' then 'lost' when 'cancelled' then 'stopped' else t.state end,
        t.started_ms, t.ended_ms, t.error
    from attempts_8 t join jobs j on j.id = t.job;
-- What ran when the house was made new runs again.
update jobs set state = 'waiting' where state in ('running', 'dropped');
drop table attempts_8;
drop table ranges_8;
drop table steps_8;
drop table jobs_8;
