-- Recordings that come in while they are still being written: what their sender says of them.
create table growing (
    file text primary key, -- of transfer_files
    project text not null,
    began_ms bigint not null,
    heard_ms bigint not null, -- of the sender, last
    written bigint not null,  -- bytes that the recorder has written
    rate bigint not null,     -- bytes a second, of late
    state text not null,      -- 'growing', 'silent', 'closing'
    finish_by text,           -- who said that it is over; null: nobody
    unclosed bigint not null default 0 -- 1: it was taken though nobody closed it
);
create index growing_of on growing (project, began_ms);
