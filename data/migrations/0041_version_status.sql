-- What people decided about a version: every decision stays, the newest counts and stands in the version too.
create table version_statuses (
    version text not null references versions (id),
    number bigint not null, -- from 1
    status text not null, -- 'none', 'review', 'changes', 'approved'
    person text references people (id), -- null: a visitor of a share
    share text,
    name text not null, -- of whoever decided, when it was decided
    note text not null,
    at_ms bigint not null,
    primary key (version, number)
);
alter table versions add column status text not null default 'none';
-- 1: files whose names differ only in v001, v002, ... are versions of one asset.
alter table projects add column version_names bigint not null default 0;
