-- Files that a look has seen first, a folder's together: looking is as fast as reading folders. They become rows of place_files
-- when something is made of them, or something in their folder changes; a folder has the one or the other.
create table place_lists (
    folder bigint not null references place_folders (number),
    part bigint not null,          -- from 1, in the order of names
    place bigint not null,
    since_ms bigint not null,      -- seen first
    entries blob not null,         -- each: size, mtime_ns, inode (8 bytes, the lowest first), its name and a 0
    primary key (folder, part)
);
create index place_lists_of_place on place_lists (place, folder);
-- Jobs that failed for want of bytes of a place, and are asked for again since it is back.
create table place_again (job text primary key, at_ms bigint not null);
