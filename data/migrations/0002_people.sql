create table people (
    id text primary key,
    name text not null,
    email text not null unique, -- lower case
    password text, -- Argon2id with its salt; null until the link of the invitation was used
    admin bigint not null,
    disabled bigint not null,
    created_ms bigint not null
);
-- Log-ins and share visits. A secret is kept only as its SHA-256.
create table sessions (
    id text primary key,
    secret blob not null unique,
    person text references people (id),
    share text,
    visitor text not null,
    created_ms bigint not null,
    seen_ms bigint not null,
    expires_ms bigint not null,
    address text not null
);
create index sessions_person on sessions (person);
create index sessions_share on sessions (share);
create table tokens (
    id text primary key,
    secret blob not null unique,
    person text not null references people (id),
    name text not null,
    scope text not null,
    created_ms bigint not null,
    expires_ms bigint not null, -- 0: never
    used_ms bigint not null -- 0: never
);
create index tokens_person on tokens (person);
-- One-time links: person is null for the first administrator's.
create table links (
    secret blob primary key,
    person text references people (id),
    expires_ms bigint not null
);
create table members (
    project text not null,
    person text not null references people (id),
    role text not null,
    since_ms bigint not null,
    primary key (project, person)
);
create index members_person on members (person);
create table audit (
    number integer primary key,
    at_ms bigint not null,
    person text,
    share text,
    address text not null,
    action text not null,
    subject text,
    detail text
);
-- What was answered to a request with an Idempotency-Key, for some hours.
create table stored_answers (
    request blob primary key, -- SHA-256 of who, method, path and key
    body blob not null, -- SHA-256 of the body
    status bigint not null,
    answer text not null,
    at_ms bigint not null
);
create index stored_answers_at on stored_answers (at_ms);
