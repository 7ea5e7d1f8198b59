-- Limits in bits a second. scope: 'line' (subject ''), 'project', 'person', 'link'. 0: none.
create table caps (
    id text primary key,
    scope text not null,
    subject text not null,
    in_bits bigint not null,
    out_bits bigint not null,
    days bigint not null,     -- a bit a day, 1 Monday to 64 Sunday; 127: every day
    from_minute bigint not null, -- of the day, local time; from = to: all day
    to_minute bigint not null -- past midnight when it is less than from
);
create index caps_of on caps (scope, subject);
-- How much may be brought in, bytes that are on their way included. The scopes are those above.
create table quotas (
    scope text not null,
    subject text not null,
    bytes bigint not null,
    primary key (scope, subject)
);
-- Transfers that moved, by stream: totals, overwritten while one goes on.
create table moves (
    id text primary key,
    kind text not null,       -- upload, download, zip
    title text not null,
    who text not null,
    project text not null,
    subject text not null,    -- transfer or share
    way text not null,        -- in, out
    began_ms bigint not null,
    ended_ms bigint not null,
    bytes bigint not null,
    peak_bytes_s bigint not null,
    joined bigint not null    -- requests: over one, it was taken up again
);
create index moves_ended on moves (ended_ms, id);
create index moves_of_project on moves (project, ended_ms, id);
