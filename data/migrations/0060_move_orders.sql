-- Which transfer goes before others, or rests: as somebody said, for the next time that it moves too.
create table move_orders (
    key text primary key,         -- of the stream, as wire/traffic knows it
    priority bigint not null,     -- 0 to 100
    paused bigint not null,       -- 1: it gets nothing
    said_ms bigint not null
);
