create table projects (
    id text primary key,
    name text not null,
    sequence_rate text not null, -- of image sequences that say none
    created_ms integer not null,
    assets integer not null, -- counts are kept by the room, in the transaction that changes them
    bytes integer not null
);
create table folders (
    id text primary key,
    project text not null references projects (id),
    parent text not null, -- '' at the top, so that names are unique there too
    name text not null,
    assets integer not null,
    unique (project, parent, name)
);
create table assets (
    id text primary key,
    project text not null references projects (id),
    folder text not null, -- '' at the top
    name text not null,
    sort_name text not null, -- numbers padded, case folded: shot2 before shot10
    kind text not null,
    created_ms integer not null,
    made_by text not null,
    newest text not null, -- version
    versions integer not null,
    size integer not null, -- of the newest version
    duration_ms integer not null,
    deleted integer not null
);
create index assets_by_name on assets (project, deleted, sort_name, id);
create index assets_by_created on assets (project, deleted, created_ms, id);
create index assets_by_size on assets (project, deleted, size, id);
create index assets_by_duration on assets (project, deleted, duration_ms, id);
create index assets_by_folder on assets (project, folder, deleted, sort_name, id);
create table versions (
    id text primary key,
    asset text not null references assets (id),
    number integer not null,
    created_ms integer not null,
    made_by text not null,
    size integer not null,
    file_count integer not null,
    content blob not null,
    state text not null, -- stored, probing, proxying, ready, failed
    facts text, -- JSON
    problem text, -- JSON
    unique (asset, number)
);
create index versions_content on versions (content);
create table version_files (
    version text not null references versions (id),
    number integer not null, -- from 1
    name text not null,
    size integer not null,
    content blob not null,
    modified_ms integer not null, -- 0: not known
    primary key (version, number)
);
create index version_files_content on version_files (content);
-- Derived files belong to the bytes and the recipe they were made with, so that nothing is made twice.
create table derived (
    content blob not null, -- of the version
    recipe text not null,
    kind text not null,
    name text not null,
    file blob not null, -- content of the derived file in the store
    size integer not null,
    primary key (content, recipe, name)
);
create virtual table search_assets using fts5(words, tokenize = 'unicode61 remove_diacritics 2');
create table search_assets_rows (id text primary key, row integer not null);
