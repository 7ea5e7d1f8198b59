-- Where bytes lie. A content is the SHA-256 over a file's chunk hashes.
create table volumes (
    id text primary key,
    kind text not null,            -- 'folder'
    created_ms integer not null
);
-- A file on a volume that holds bytes of one large file, or of many small ones (a pack).
create table extents (
    id text primary key,
    volume text not null references volumes (id),
    kind text not null,            -- 'extent' or 'pack'
    path text not null,            -- below the volume
    size integer not null,
    created_ms integer not null
);
create table chunks (
    hash blob primary key,
    extent text not null references extents (id),
    at integer not null,           -- offset in the extent
    length integer not null,
    xxh3 integer not null
);
create index chunks_of_extent on chunks (extent, at);
create table contents (
    content blob primary key,
    size integer not null,
    created_ms integer not null
);
create table content_chunks (
    content blob not null references contents (content),
    number integer not null,
    hash blob not null references chunks (hash),
    primary key (content, number)
);
create index contents_of_chunk on content_chunks (hash);
insert into volumes values ('main', 'folder', 0);
