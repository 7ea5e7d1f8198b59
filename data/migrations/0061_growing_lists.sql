-- When a recording last grew: what nobody closes says since when.
alter table growing add column grew_ms bigint not null default 0;
update growing set grew_ms = heard_ms;
