-- Media in place: folders of volumes that others own, read where it lies. Its bytes are never ours.
create table places (
    id text primary key,
    number bigint not null unique,
    project text not null references projects (id),
    folder text not null,          -- of the project: '' at the top
    path text not null,            -- absolute, on the house's machine
    made_by text not null,
    created_ms bigint not null,
    state text not null,           -- online, offline, leaving (it is being forgotten)
    since_ms bigint not null,      -- of the state
    seen_ms bigint not null,       -- online last; 0: never
    scanned_ms bigint not null,    -- all of it was looked at last; 0: never
    root_inode bigint not null,    -- of the folder when it was seen; 0: never seen
    root_mounted bigint not null,  -- 1: something was mounted at it
    problem text,                  -- why it is offline
    -- Counts, kept by whoever changes a file's row.
    files bigint not null default 0,        -- here
    bytes bigint not null default 0,
    hashed_files bigint not null default 0, -- of them
    hashed_bytes bigint not null default 0,
    waiting bigint not null default 0,      -- seen, of no asset yet
    gone bigint not null default 0,         -- not here, of an asset
    -- Of the last look at all of it.
    links bigint not null default 0,        -- symbolic links, left out
    unreadable bigint not null default 0,   -- folders and files
    unreadable_path text
);
create table place_folders (
    number bigint primary key,
    place bigint not null references places (number),
    parent bigint,                 -- null: the root
    name blob not null,            -- as the disk says it; empty for the root
    path blob not null,            -- below the root
    folder text,                   -- of the project, once it is there
    mounted bigint not null        -- 1: something was mounted at it
);
create unique index place_folders_path on place_folders (place, path);
create index place_folders_parent on place_folders (parent);
create table place_files (
    folder bigint not null references place_folders (number),
    name blob not null,            -- as the disk says it
    place bigint not null,
    size bigint not null,
    mtime_ns bigint not null,
    inode bigint not null,
    state text not null,           -- new, here, changed, gone
    since_ms bigint not null,      -- it was first seen so
    seen_ms bigint not null,       -- gone: when it was there last; else 0
    content blob,                  -- of what it was when it became the asset's; null: of none yet
    -- 0: of an asset, to be read; 1: content is of its bytes; 2: to be read before it is taken; -1: could not be read;
    -- 8: gone before it was read; 9: not to be read yet
    hashed bigint not null,
    wanted bigint not null,        -- 1: hashed before others
    version text,
    member bigint not null,        -- which file of the version
    primary key (folder, name)
);
create index place_files_content on place_files (content) where content is not null;
create index place_files_version on place_files (version) where version is not null;
create index place_files_new on place_files (place, folder) where state in ('new', 'changed');
create index place_files_inode on place_files (inode) where content is not null;
create index place_files_gone on place_files (size, mtime_ns) where state = 'gone';
create index place_files_unread on place_files (place) where hashed = -1;
create index place_files_to_hash on place_files (place, wanted) where hashed in (0, 2);
-- Versions whose bytes lie in a place; a row goes when they have been copied into the house.
create table place_versions (
    version text primary key,
    asset text not null,
    place bigint not null,
    path text not null,            -- of the first file, as it is shown
    bytes bigint not null,
    unhashed bigint not null,      -- files of it
    state text not null,           -- here, changed, gone
    since_ms bigint not null,
    seen_ms bigint not null,       -- gone: when all of it was there last
    told bigint not null,          -- 1: the rest of the house knows of it
    keep bigint not null,          -- 1: somebody asked to copy it into the house
    problem text                   -- why that could not be done
);
create index place_versions_asset on place_versions (asset);
create index place_versions_place on place_versions (place);
create index place_versions_untold on place_versions (place) where told = 0;
create index place_versions_keep on place_versions (version) where keep = 1;
-- What stood for a file before it was hashed, for whoever still asks by it.
create table place_was (was blob primary key, content blob not null, at_ms bigint not null);
create index place_was_at on place_was (at_ms);
-- 1: it stands for a file of a place that was not hashed, and has no chunks.
alter table contents add column unhashed bigint not null default 0;
-- Of `bytes`, what lies in places.
alter table projects add column place_bytes bigint not null default 0;
