-- Where bytes lie. A content is the SHA-256 over a file's chunk hashes.
create table volumes (
    id text primary key,
    kind text not null,            -- 'folder'
    created_ms bigint not null
);
-- A file on a volume that holds bytes of one large file, or of many small ones (a pack).
create table extents (
    id text primary key,
    volume text not null references volumes (id),
    kind text not null,            -- 'extent' or 'pack'
    path text not null,            -- below the volume
    size bigint not null,
    created_ms bigint not null
);
create table chunks (
    hash blob primary key,
    extent text not null references extents (id),
    at bigint not null,           -- offset in the extent
    length bigint not null,
    xxh3 bigint not null
);
create index chunks_of_extent on chunks (extent, at);
create table contents (
    content blob primary key,
    size bigint not null,
    created_ms bigint not null
);
create table content_chunks (
    content blob not null references contents (content),
    number bigint not null,
    hash blob not null references chunks (hash),
    primary key (content, number)
);
create index contents_of_chunk on content_chunks (hash);
insert into volumes values ('main', 'folder', 0);
