-- Files of jobs whose workers do not share the house's disks: what they read, and what they made.
create table job_files (
    job text not null,             -- jobs.id
    path text not null,            -- absolute, as the submitter and the house see it
    token bigint not null,         -- 0: an input; else the fence of the attempt that made it
    task bigint not null,          -- that made it, of its step; 0 for an input
    content blob not null,
    size bigint not null,
    program bigint not null,       -- 1: may be executed
    counts bigint not null,        -- 1: an input, or an output that is in its place
    primary key (job, path, token)
);
create index job_files_of_attempt on job_files (job, token);
create index job_files_of_content on job_files (content);
