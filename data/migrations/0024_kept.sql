-- Which staged jobs' files are kept: they go some time after the job has ended. Who looks for what can go reads the few
-- that are kept, not all jobs there ever were.
create table staged_jobs (
    job text primary key,          -- jobs.id
    kept bigint not null,          -- 1: its files are kept; 2: they are being dropped; 0: they are gone
    dropped_ms bigint not null,    -- when that began; 0: not yet
    reads_own bigint not null      -- 1: a later task, or the house, may read what an earlier one made
);
create index staged_jobs_kept on staged_jobs (kept) where kept > 0;
insert into staged_jobs select distinct job, 1, 0, 1 from job_files;
create index transfer_files_content on transfer_files (content);
