-- Whose name stands in the pictures that the project's people are shown: '' nobody's; 'viewers': of guests, of
-- reviewers and of links' visitors; 'all': of everybody.
alter table projects add column burn_names text not null default '';
-- A version's proxies with a viewer's name in them: derived files by a recipe of their own.
create table burnt (
    version text not null references versions (id),
    viewer text not null,          -- p and a person, s and a share
    recipe text not null,
    words text not null,           -- what stands in the picture
    state text not null,           -- waiting, running, ready, failed
    job text unique,
    bytes bigint not null default 0,
    used_ms bigint not null,
    problem text,                  -- JSON
    primary key (version, viewer)
);
create index burnt_used on burnt (used_ms);
