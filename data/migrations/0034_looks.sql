-- A deliverable as it can be looked at beside its master.
create table delivery_looks (
    delivery text primary key,
    facts text not null,           -- JSON: what probing found in it
    found text not null,           -- JSON: what the plan found about the master (cadence, constant)
    origin text not null,          -- JSON: which frame of the master each is of
    state text not null,           -- '' (nobody has asked), waiting, running, ready, failed
    job text unique,
    recipe text not null,          -- of its proxies
    problem text                   -- JSON
);
-- Loudness and true peaks over time, of a report; rows only where the measurement has them.
create table qc_timelines (
    report text primary key,
    timeline text not null         -- JSON
);
-- A file that goes beside a film unchanged: Dolby Vision metadata, an Atmos master.
create table beside_links (
    file text primary key references assets (id),
    film text not null references assets (id),
    kind text not null,            -- dolby-vision, adm
    made_by text not null,
    made_ms bigint not null
);
create index beside_links_film on beside_links (film, made_ms, file);
-- What of it goes into a delivery's package, as it was when it was ordered.
create table delivery_beside (
    delivery text not null,
    position bigint not null,
    kind text not null,
    name text not null,
    content blob not null,
    size bigint not null,
    primary key (delivery, position)
);
create index delivery_beside_content on delivery_beside (content);
