-- One drop of files, or one put.
create table transfers (
    id text primary key,
    project text not null,
    name text not null,
    folder text,                   -- null: the project's top
    origin text not null,          -- 'page', 'put'
    request text,                  -- the maker's key: the same one gives the same transfer
    state text not null,           -- 'open', 'closed'
    person text not null,
    created_ms bigint not null,
    active_ms bigint not null,
    skipped bigint not null       -- hidden files left out
);
create index transfers_of_project on transfers (project, created_ms);
create unique index transfers_by_request on transfers (project, person, request);
create index transfers_open on transfers (state, active_ms);
create table transfer_files (
    id text primary key,           -- also the upload's id in the store
    transfer text not null references transfers (id),
    path text not null,            -- relative, '/' between
    size bigint not null,         -- -1: not known yet
    modified_ms bigint not null,  -- 0: not said
    state text not null,           -- 'arriving', 'stored'
    content blob,
    writer text,                   -- key of whoever sends it
    asset text,                    -- null: not in one yet
    problem text,                  -- JSON of an error that a person should see
    created_ms bigint not null,
    stored_ms bigint not null
);
create unique index transfer_files_by_path on transfer_files (transfer, path);
create index transfer_files_waiting on transfer_files (transfer, state, asset);
