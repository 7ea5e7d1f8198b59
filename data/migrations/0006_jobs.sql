-- A job has steps, a step has ranges (runs of frames that share a state), a range has attempts. Work
-- of one piece, such as a probe, is a job of one step with one range of one frame.
create table jobs (
    id text primary key,
    project text not null,
    kind text not null,             -- probe, proxy, encode, check
    title text not null,
    state text not null,            -- waiting, running, done, failed, cancelled
    priority bigint not null,      -- 0 lowest .. 100 highest
    asset text,
    version text,
    subject text,                   -- what it is for, when that is no version: a delivery
    cause text unique,              -- what queued it: the same cause again queues nothing
    ticket text not null,           -- JSON: what of the engine's ticket is known already
    made_by text not null,
    created_ms bigint not null,
    started_ms bigint not null,    -- 0: not yet
    ended_ms bigint not null,      -- 0: not yet
    done bigint not null,
    total bigint not null,
    unit text not null,
    attempts bigint not null,
    problem text                    -- JSON
);
create index jobs_active on jobs (state, created_ms, id);
create index jobs_created on jobs (created_ms, id);
create index jobs_of_project on jobs (project, created_ms, id);
create index jobs_of_version on jobs (version);
create table steps (
    job text not null references jobs (id),
    number bigint not null,        -- from 1
    name text not null,
    primary key (job, number)
);
create table ranges (
    id text primary key,
    job text not null references jobs (id),
    step bigint not null,
    first bigint not null,         -- frames
    last bigint not null,
    state text not null,            -- waiting, running, done, failed, cancelled
    priority bigint not null,      -- of the job
    created_ms bigint not null,    -- of the job
    not_before_ms bigint not null, -- back-off
    tries bigint not null,         -- that failed, since it was last asked for
    losses bigint not null,        -- whose worker was lost, since then
    token bigint not null,         -- fencing: only grows; a result with another one is stale
    attempt text                    -- that runs, or the one that was committed
);
create index ranges_of_job on ranges (job);
create index ranges_claim on ranges (state, priority desc, created_ms, id);
create table attempts (
    id text primary key,
    job text not null,
    range text not null references ranges (id),
    worker text not null,
    token bigint not null,
    state text not null,            -- running, committed, failed, lost, cancelled
    started_ms bigint not null,
    lease_ms bigint not null,      -- until when
    ended_ms bigint not null,
    error text                      -- JSON
);
create index attempts_running on attempts (state, lease_ms);
create index attempts_of_job on attempts (job);
create table workers (
    id text primary key,
    name text not null,
    host text not null,
    pid bigint not null,
    slots bigint not null,
    seen_ms bigint not null,
    state text not null             -- here, away
);
