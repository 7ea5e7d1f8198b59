-- When a name, a place, or what was decided of a note last changed, so that of two houses that keep the same thing the later change
-- counts in both. 0: before this was written down, or never. A change is always later than the one that it changes, whatever the clock says.
alter table comments add column resolved_ms bigint not null default 0;
alter table comments add column deleted_ms bigint not null default 0;
alter table assets add column named_ms bigint not null default 0;
alter table assets add column placed_ms bigint not null default 0;
alter table folders add column named_ms bigint not null default 0;
alter table folders add column placed_ms bigint not null default 0;
-- Frames of a sequence that were changed one by one through a door, until they become its next version together.
create table frame_changes (
    asset text not null references assets (id),
    name text not null,            -- of the file
    content blob,                  -- null: the frame goes
    size bigint not null,
    modified_ms bigint not null,
    person text not null,
    created_ms bigint not null,
    changed_ms bigint not null,
    primary key (asset, name)
);
create index frame_changes_content on frame_changes (content);
