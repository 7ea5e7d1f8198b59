-- "What lands here becomes these deliverables and goes there."
create table watch_rules (
    id text primary key,
    project text not null,
    folder text not null,          -- '': anywhere in the project
    name text not null,
    profiles text not null,        -- JSON: names
    destination text,              -- null: they stay in the house
    enabled bigint not null,
    made_by text not null,
    created_ms bigint not null
);
create index watch_rules_of_project on watch_rules (project);
-- What a rule has done with a version; once each.
create table watch_runs (
    rule text not null,
    version text not null,
    profile text not null,
    delivery text,                 -- null: it could not be asked for
    problem text,                  -- JSON
    at_ms bigint not null,
    primary key (rule, version, profile)
);
create index watch_runs_at on watch_runs (rule, at_ms);
