-- What of a job's outputs comes into the library: one row for each output that asks for it and each time
-- that the job was done.
create table gathers (
    id text primary key,
    job text not null,
    position bigint not null,       -- of the output among the job's
    ended_ms bigint not null,       -- when the job was done: another time is another row
    state text not null,            -- waiting, done, failed; stale: the job ran again before
    asset text,
    version text,
    delivery text,                  -- that makes the movie of it
    movie text,                     -- asset
    movie_version text,
    problem text,                   -- JSON
    made_ms bigint not null,
    unique (job, position, ended_ms)
);
create index gathers_waiting on gathers (state) where state = 'waiting';
create index gathers_version on gathers (version);
create index gathers_delivery on gathers (delivery);
