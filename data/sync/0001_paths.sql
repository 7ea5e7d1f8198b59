-- What a sync folder remembers, in a database of its own on the machine that has the folder.
create table events (
    number integer primary key,
    at_ms bigint not null,
    kind text not null,
    project text,
    subject text not null,
    body text not null
);
create table house_values (name text primary key, value text not null);
-- Each path as it was when both sides last were equal.
create table paths (
    key text primary key,       -- the path in one spelling; ends in '/' for a folder
    here text not null,         -- as the folder spells it
    there text not null,        -- as the house does
    thing text not null,        -- the house's id of the asset, folder or kept file
    version text not null,      -- '' when it has none
    number bigint not null,     -- of the file in it
    content blob,               -- of a file
    size bigint not null,
    here_ns bigint not null,    -- when it was changed here
    inode bigint not null
);
