-- A job has steps, a step has ranges (runs of frames that share a state), a range has attempts. Work
-- of one piece, such as a probe, is a job of one step with one range of one frame.
create table jobs (
    id text primary key,
    project text not null,
    kind text not null,             -- probe, proxy, encode, check
    title text not null,
    state text not null,            -- waiting, running, done, failed, cancelled
    priority integer not null,      -- 0 lowest .. 100 highest
    asset text,
    version text,
    subject text,                   -- what it is for, when that is no version: a delivery
    cause text unique,              -- what queued it: the same cause again queues nothing
    ticket text not null,           -- JSON: what of the engine's ticket is known already
    made_by text not null,
    created_ms integer not null,
    started_ms integer not null,    -- 0: not yet
    ended_ms integer not null,      -- 0: not yet
    done integer not null,
    total integer not null,
    unit text not null,
    attempts integer not null,
    problem text                    -- JSON
);
create index jobs_active on jobs (state, created_ms, id);
create index jobs_created on jobs (created_ms, id);
create index jobs_of_project on jobs (project, created_ms, id);
create index jobs_of_version on jobs (version);
create table steps (
    job text not null references jobs (id),
    number integer not null,        -- from 1
    name text not null,
    primary key (job, number)
);
create table ranges (
    id text primary key,
    job text not null references jobs (id),
    step integer not null,
    first integer not null,         -- frames
    last integer not null,
    state text not null,            -- waiting, running, done, failed, cancelled
    priority integer not null,      -- of the job
    created_ms integer not null,    -- of the job
    not_before_ms integer not null, -- back-off
    tries integer not null,         -- that failed, since it was last asked for
    losses integer not null,        -- whose worker was lost, since then
    token integer not null,         -- fencing: only grows; a result with another one is stale
    attempt text                    -- that runs, or the one that was committed
);
create index ranges_of_job on ranges (job);
create index ranges_claim on ranges (state, priority desc, created_ms, id);
create table attempts (
    id text primary key,
    job text not null,
    range text not null references ranges (id),
    worker text not null,
    token integer not null,
    state text not null,            -- running, committed, failed, lost, cancelled
    started_ms integer not null,
    lease_ms integer not null,      -- until when
    ended_ms integer not null,
    error text                      -- JSON
);
create index attempts_running on attempts (state, lease_ms);
create index attempts_of_job on attempts (job);
create table workers (
    id text primary key,
    name text not null,
    host text not null,
    pid integer not null,
    slots integer not null,
    seen_ms integer not null,
    state text not null             -- here, away
);
