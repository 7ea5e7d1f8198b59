create table qc_reports (
    id text primary key,
    project text not null,
    asset text not null,
    version text not null,
    rules text not null,            -- their name
    rules_spec text not null,       -- JSON: the rules as they were when this was asked for
    state text not null,            -- waiting, running, done, failed
    job text not null unique,
    report text,                    -- JSON; null until done
    problem text,                   -- JSON
    content blob,                   -- the measurement; null until done
    size bigint not null,
    made_by text not null,
    created_ms bigint not null,
    approved_by text,
    approved_ms bigint not null
);
create index qc_reports_of_version on qc_reports (version, created_ms, id);
create index qc_reports_content on qc_reports (content);
create table qc_waivers (
    report text not null,
    finding bigint not null,        -- its number in the report, from 0
    made_by text not null,
    reason text not null,
    made_ms bigint not null,
    primary key (report, finding)
);
