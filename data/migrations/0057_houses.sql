-- Other houses that this one sends to and fetches from. The token of the account there lies sealed (plat/seal).
create table houses (
    id text primary key,
    name text not null unique,
    url text not null,
    fingerprint text not null,     -- SHA-256 of its certificate; '': the system's authorities are trusted
    secret blob,                   -- sealed; null: forgotten
    made_by text not null,
    created_ms bigint not null,
    gone bigint not null           -- 1: forgotten; parcels still say its name
);
-- What goes to another house or comes from it, in the background.
create table parcels (
    id text primary key,
    project text not null,         -- here
    house text not null references houses (id),
    name text not null,            -- of the house, as it was
    way text not null,             -- out, in
    there text not null,           -- project of the other house: its id or its name, as it was asked for
    wish text not null,            -- JSON: {"assets": [id], "paths": [text]}; both empty: all
    job text unique,
    result text,                   -- JSON; null until it is there
    receipt text,                  -- JSON, signed by the receiving house
    person text not null,          -- who asked
    made_by text not null,         -- the same, by name
    created_ms bigint not null
);
create index parcels_of_project on parcels (project, created_ms, id);
create index parcels_of_house on parcels (house);
-- Where a thing was made that came from another house: it is told again by these two, wherever it went.
create table origins (
    project text not null,
    kind text not null,            -- asset, version, note
    house text not null,
    thing text not null,           -- id at that house
    local text not null,
    seen text,                     -- of an asset: what people had told of it, when it came last (JSON)
    primary key (project, kind, house, thing)
);
create unique index origins_local on origins (kind, local);
-- What was taken out of a parcel's transfer, for its receipt.
create table parcel_takes (
    transfer text not null,
    asset text not null,
    taken text not null,           -- JSON: ParcelTaken
    primary key (transfer, asset)
);
