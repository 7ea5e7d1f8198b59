create table deliveries (
    id text primary key,
    project text not null,
    asset text not null,
    version text not null,
    profile text not null,          -- its name
    spec text not null,             -- JSON: the profile as it was when this was asked for
    name text not null,             -- of the file
    state text not null,            -- waiting, running, done, failed
    job text not null unique,
    content blob,                   -- null until done
    size bigint not null,
    checks text not null,           -- JSON, Check[]
    problem text,                   -- JSON
    made_by text not null,
    created_ms bigint not null
);
create index deliveries_of_project on deliveries (project, created_ms, id);
create index deliveries_content on deliveries (content);
