-- Who is told of what happens to deliveries.
create table hooks (
    id text primary key,
    kind text not null,            -- webhook, mail
    target text not null,          -- address
    project text,                  -- null: all
    secret blob,                   -- sealed: webhooks are signed with it
    enabled bigint not null,
    made_by text not null,
    created_ms bigint not null
);
-- What is to be told, written with what happened; told at least once.
create table notices (
    id text primary key,
    hook text not null,
    event text not null,
    body text not null,            -- JSON
    state text not null,           -- waiting, told, failed
    tries bigint not null,
    next_ms bigint not null,
    answer text not null,          -- the last one, in words
    created_ms bigint not null,
    ended_ms bigint not null       -- 0: not yet
);
create index notices_next on notices (state, next_ms);
create index notices_of_hook on notices (hook, created_ms, id);
