-- Changes of so many values that they are set in slices, beside everybody's work.
create table value_runs (
    change text primary key references field_changes (id),
    project text not null references projects (id),
    total bigint not null,            -- values
    done bigint not null default 0,   -- of them: looked at
    stayed bigint not null default 0, -- of them: others by then than when it was planned; they stay
    began_ms bigint not null,         -- this time: a house that was down goes on
    began_done bigint not null default 0,
    ended_ms bigint,                  -- null: it runs
    problem text not null default ''  -- why it waits
);
create index value_runs_open on value_runs (change) where ended_ms is null;
-- What is still to be set, in order; a part goes with the transaction that sets it.
create table value_run_parts (
    change text not null references value_runs (change),
    part bigint not null,
    sets text not null, -- JSON: [asset, field, line, value, value when it was planned]
    primary key (change, part)
);
