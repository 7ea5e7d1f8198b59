-- Viewing transforms of a project: what they are made of, and the one table that was made of it.
create table transforms (
    id text primary key,
    project text not null references projects (id),
    name text not null,
    steps text not null,           -- JSON: what is done in order (docs/formats/looks.md)
    how text not null,             -- JSON: how exact the table is, and its sizes
    content blob not null,         -- of the table, in the store
    size bigint not null,
    made_by text not null,
    made_ms bigint not null,
    unique (project, name)
);
create index transforms_content on transforms (content);
create table transform_files (
    transform text not null references transforms (id),
    position bigint not null,
    name text not null,            -- as in the folder that it came from
    content blob not null,
    size bigint not null,
    primary key (transform, position)
);
create index transform_files_content on transform_files (content);
-- Where one is set: the nearest counts.
create table transform_places (
    place text primary key,        -- of the project, a folder, an asset
    kind text not null,            -- project, folder, asset
    project text not null references projects (id),
    transform text not null,       -- '': none, said so
    set_by text not null,
    set_ms bigint not null
);
create index transform_places_of on transform_places (transform);
create index transform_places_in on transform_places (project);
-- Files sent for a transform that is not made yet: kept for a day.
create table transform_uploads (
    project text not null references projects (id),
    content blob not null,
    size bigint not null,
    at_ms bigint not null,
    primary key (project, content)
);
create index transform_uploads_content on transform_uploads (content);
