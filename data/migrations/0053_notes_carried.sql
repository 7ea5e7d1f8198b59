-- A note that was carried from the version before says whose it is; its words are its own from then on.
alter table comments add column origin text; -- comment; null: it was written here
alter table comments add column carried text not null default ''; -- timecode, picture, hand
create index comments_origin on comments (origin) where origin is not null;
-- Notes whose frame is not in the new version, until somebody places or leaves them.
create table comments_left (
    version text not null references versions (id), -- the new one
    comment text not null references comments (id),
    why text not null,
    settled bigint not null default 0, -- 1: somebody said that it stays where it is
    primary key (version, comment)
);
-- Versions to which the notes of the one before were carried, so that it is done once.
create table comments_carried (version text primary key references versions (id), at_ms bigint not null);
