-- Folders outside that the house itself watches: what comes to rest there goes into a project.
create table watched (
    id text primary key,
    path text not null,          -- absolute, on the house's machine
    project text not null,
    folder text not null,        -- in the project, "A/B"; '': its top
    rules text not null,         -- JSON: after, lists, growing, looks, every, age, include, exclude
    enabled bigint not null,
    made_by text not null,
    created_ms bigint not null,
    heard_ms bigint not null default 0, -- of its watcher, last
    state text,                  -- JSON, as its watcher says it
    orders text not null default '[]'   -- JSON: cards to take as they are
);
