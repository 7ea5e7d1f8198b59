-- Where deliverables go. Secrets are sealed (plat/seal) and never shown again.
create table destinations (
    id text primary key,
    name text not null unique,
    kind text not null,            -- folder, s3, sftp, program, link, hand
    settings text not null,        -- JSON
    secrets blob,                  -- sealed JSON; null: none
    made_by text not null,
    created_ms bigint not null,
    changed_ms bigint not null,
    gone bigint not null           -- 1: taken away; sendings still say its name
);
-- What was asked for beside a delivery's profile.
create table delivery_orders (
    delivery text primary key,
    destination text,              -- it goes there when it is made; null: it stays
    rule text,                     -- the watch rule that asked for it
    naming text not null           -- JSON: values that a person gave for the name
);
create index delivery_orders_rule on delivery_orders (rule);
-- A delivery on its way to a destination, and what became of it.
create table sendings (
    id text primary key,
    delivery text not null,
    project text not null,
    destination text not null,
    name text not null,            -- of the destination, as it was
    kind text not null,
    state text not null,           -- waiting, running, ready (a person has to do something), sent, failed
    job text unique,               -- null: none is needed
    folder text not null,          -- of the package at the far end; '': none
    package text,                  -- JSON; null until it is made
    progress text not null,        -- JSON: what a try that was cut goes on from
    result text,                   -- JSON; null until it is there
    problem text,                  -- JSON
    pickup blob,                   -- SHA-256 of a link's key
    expires_ms bigint not null,    -- of the link; 0: none
    made_by text not null,
    created_ms bigint not null,
    ended_ms bigint not null       -- 0: not yet
);
create index sendings_of_delivery on sendings (delivery, created_ms, id);
create index sendings_of_project on sendings (project, created_ms, id);
create index sendings_pickup on sendings (pickup);
-- What was said of a delivery after it was made: by the house (sent) and by people.
create table delivery_states (
    id text primary key,
    delivery text not null,
    state text not null,           -- sent, received, in_inspection, redelivery_asked, accepted
    note text not null,
    sending text,
    made_by text not null,
    at_ms bigint not null
);
create index delivery_states_of on delivery_states (delivery, id);
-- The digests that outlets ask for, of a content; read once.
create table content_sums (
    content blob primary key,
    md5 text not null,
    sha1 text not null,
    sha256 text not null,
    xxh64 text not null
);
