-- Outputs of tiles, whose frames are put together while their job runs.
create table tilings (
    job text not null,             -- jobs.id
    position bigint not null,      -- of the output among the job's
    seen bigint not null,          -- tasks of the job that were done when all that could be was put together
    looked_ms bigint not null,
    primary key (job, position)
);
create table tile_frames (
    job text not null,
    position bigint not null,
    frame bigint not null,
    stamp bigint not null,         -- of the tiles that it was made of: others make it anew
    bad bigint not null,           -- 1: these tiles make no frame
    primary key (job, position, frame)
);
-- staged_jobs.reads_own: 0: no task reads what another made; 1: those of later steps, or the house, do; 2: those of the same step
-- as well. What was queued before says 2, which is always right.
update staged_jobs set reads_own = 2;
