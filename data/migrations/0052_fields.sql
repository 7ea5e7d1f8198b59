-- What lists are filtered by besides names: of the newest version's facts, kept when they are found.
alter table assets add column starts_us bigint not null default -1; -- of the first frame, since midnight; -1: no timecode
alter table assets add column lasts_us bigint not null default 0;
alter table assets add column rate text not null default ''; -- frames a second; of sound that of its labels
alter table assets add column tc_base bigint not null default 0; -- labels a second
alter table assets add column tc_drop bigint not null default 0;
alter table assets add column codec text not null default '';
alter table assets add column width bigint not null default 0;
alter table assets add column height bigint not null default 0;
alter table assets add column channels bigint not null default 0;
update assets set
    rate = coalesce((select json_extract(v.facts, '$.rate') from versions v where v.id = newest and kind <> 'sound'), ''),
    tc_base = coalesce((select json_extract(v.facts, '$.timecode.base') from versions v where v.id = newest), 0),
    tc_drop = coalesce((select json_extract(v.facts, '$.timecode.drop') from versions v where v.id = newest), 0),
    codec = coalesce((select coalesce(json_extract(v.facts, '$.video[0].codec'), json_extract(v.facts, '$.audio[0].codec')) from versions v where v.id = newest), ''),
    width = coalesce((select json_extract(v.facts, '$.video[0].display_width') from versions v where v.id = newest), 0),
    height = coalesce((select json_extract(v.facts, '$.video[0].display_height') from versions v where v.id = newest), 0),
    channels = coalesce((select json_extract(v.facts, '$.audio[0].channels') from versions v where v.id = newest), 0),
    lasts_us = duration_ms * 1000;
update assets set starts_us = coalesce((select cast(round(json_extract(v.facts, '$.timecode.start_frame') * 1000000.0
        * cast(substr(assets.rate, instr(assets.rate, '/') + 1) as real) / cast(assets.rate as real)) as integer)
    from versions v where v.id = newest and json_extract(v.facts, '$.timecode.start_frame') is not null), -1)
    where rate like '%/%';
update assets set starts_us = coalesce((select cast(round(json_extract(v.facts, '$.tags.time_reference') * 1000000.0
        / json_extract(v.facts, '$.audio[0].sample_rate')) as integer)
    from versions v where v.id = newest and json_extract(v.facts, '$.tags.time_reference') is not null), -1)
    where kind = 'sound';
update assets set rate = tc_base || '/1' where kind = 'sound' and tc_base > 0;
-- What people add to assets, by project.
create table fields (
    project text not null references projects (id),
    number bigint not null, -- from 1, never given again: the API's f1, f2, ...
    name text not null,
    folded text not null,   -- in lower case: names are told apart by it
    type text not null,     -- text, number, choice, date, yesno, timecode
    choices text not null,  -- JSON, of a choice
    position bigint not null,
    removed bigint not null default 0, -- its values stay
    primary key (project, number)
);
create unique index fields_named on fields (project, folded) where removed = 0;
-- What was set together, and is undone together.
create table field_changes (
    id text primary key,
    project text not null references projects (id),
    number bigint not null, -- in the project, from 1
    kind text not null,     -- person, import, file, undo
    title text not null,    -- of an import the name of its file
    person text,
    name text not null,     -- of the person; of kind file: where in it
    at_ms bigint not null,
    count bigint not null,  -- values
    undone text,            -- the change that did it
    unique (project, number)
);
-- Every value that was ever set; the one that holds is marked.
create table field_values (
    asset text not null references assets (id),
    field bigint not null,
    number bigint not null, -- of this asset and field, from 1
    value text not null,    -- '': taken away
    now bigint not null,    -- 1: it holds
    change text not null references field_changes (id),
    line bigint not null,   -- of the file, 0: none
    project text not null,
    primary key (asset, field, number)
);
create index field_values_now on field_values (project, field) where now = 1;
create index field_values_change on field_values (change);
-- Filters and columns under a name, of one person or of all.
create table searches (
    project text not null references projects (id),
    number bigint not null,
    person text, -- null: of all in the project
    name text not null,
    query text not null, -- JSON
    made_by text not null,
    primary key (project, number)
);
-- What people said about which sound belongs to which picture, over what scene, take and timecode say.
create table takes (
    sound text not null references assets (id),
    picture text not null references assets (id),
    together bigint not null, -- 0: they do not belong together
    by_name text not null,
    at_ms bigint not null,
    primary key (sound, picture)
);
insert into fields (project, number, name, folded, type, choices, position) select id, 1, 'Scene', 'scene', 'text', '[]', 1 from projects;
insert into fields (project, number, name, folded, type, choices, position) select id, 2, 'Take', 'take', 'text', '[]', 2 from projects;
insert into fields (project, number, name, folded, type, choices, position) select id, 3, 'Reel', 'reel', 'text', '[]', 3 from projects;
insert into fields (project, number, name, folded, type, choices, position) select id, 4, 'Camera', 'camera', 'text', '[]', 4 from projects;
insert into fields (project, number, name, folded, type, choices, position) select id, 5, 'Notes', 'notes', 'text', '[]', 5 from projects;
