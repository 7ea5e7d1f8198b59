-- When a recording last grew: what nobody closes says since when.
alter table growing add column grew_ms bigint not null default 0;
update growing set grew_ms = heard_ms;
-- Lists of hashes that came with media (MHL, md5sum and the like), held against what is stored.
create table list_checks (
    transfer text primary key,
    state text not null,    -- 'waiting', 'done'
    made_ms bigint not null,
    answer text             -- JSON of what was found, when done
);
create index list_checks_waiting on list_checks (state, made_ms);
alter table versions add column hashes text; -- JSON: what a list that came along says of its file; null: none does
