create table projects (
    id text primary key,
    name text not null,
    sequence_rate text not null, -- of image sequences that say none
    created_ms bigint not null,
    assets bigint not null, -- counts are kept by the room, in the transaction that changes them
    bytes bigint not null   -- of all versions of the assets counted
);
create table folders (
    id text primary key,
    project text not null references projects (id),
    parent text not null, -- '' at the top, so that names are unique there too
    name text not null,
    assets bigint not null, -- directly in it
    unique (project, parent, name)
);
create index folders_parent on folders (parent);
create table assets (
    id text primary key,
    project text not null references projects (id),
    folder text not null, -- '' at the top
    name text not null,
    sort_name text not null, -- numbers padded, case and accents folded: shot2 before shot10
    kind text not null,
    created_ms bigint not null,
    made_by text not null,
    newest text not null, -- version
    versions bigint not null,
    size bigint not null,  -- of the newest version
    bytes bigint not null, -- of all versions
    duration_ms bigint not null, -- of the newest version; 0: not known
    deleted bigint not null, -- 1: shown only among the deleted ones; undone by restoring
    words bigint not null default 0 -- row of its name's words in search_assets
);
-- One for each order of a list, of a project and of a folder. They hold all that a jump far down
-- the list looks at.
create index assets_by_name on assets (project, deleted, sort_name, id, kind, words);
create index assets_by_created on assets (project, deleted, created_ms, id, kind, words);
create index assets_by_size on assets (project, deleted, size, id, kind, words);
create index assets_by_duration on assets (project, deleted, duration_ms, id, kind, words);
create index assets_in_by_name on assets (project, folder, deleted, sort_name, id, kind, words);
create index assets_in_by_created on assets (project, folder, deleted, created_ms, id, kind, words);
create index assets_in_by_size on assets (project, folder, deleted, size, id, kind, words);
create index assets_in_by_duration on assets (project, folder, deleted, duration_ms, id, kind, words);
create index assets_words on assets (project, deleted, words);
create table versions (
    id text primary key,
    asset text not null references assets (id),
    number bigint not null,
    created_ms bigint not null,
    made_by text not null,
    size bigint not null,
    file_count bigint not null,
    content blob not null, -- names its bytes: of one file the file's, else over all files
    state text not null, -- stored, probing, proxying, ready, failed
    job text, -- at work on it, or the last one that was
    recipe text, -- which derived files of its content it has
    problem text, -- JSON
    known text, -- JSON, before probing
    facts text, -- JSON, of probing
    unique (asset, number)
);
create index versions_content on versions (content);
create table version_files (
    version text not null references versions (id),
    number bigint not null, -- from 1
    name text not null,
    size bigint not null,
    content blob not null,
    modified_ms bigint not null, -- 0: not known
    primary key (version, number)
);
create index version_files_content on version_files (content);
-- Derived files belong to the bytes and the recipe they were made with, so that nothing is made twice.
create table derived (
    source blob not null, -- content of the version
    recipe text not null,
    position bigint not null, -- in the set, from 0
    kind text not null,
    name text not null,
    content blob not null, -- of the derived file, in the store
    size bigint not null,
    primary key (source, recipe, position)
);
create index derived_content on derived (content);
-- Being written by a job now.
create table derived_growing (
    version text not null references versions (id),
    name text not null,
    kind text not null,
    path text not null, -- below the workers' folder
    size bigint not null,
    primary key (version, name)
);
create virtual table search_assets using fts5(words, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3');
create table search_assets_rows (id text primary key, row integer not null);
