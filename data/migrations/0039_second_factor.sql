-- A second factor (TOTP, RFC 6238) of a person. The secret is sealed; since_ms is 0 until a code of it was shown right.
create table second_factors (
    person text primary key references people (id),
    secret blob not null,
    since_ms bigint not null,
    step bigint not null -- the last time step that was used: a code works once
);
-- Codes for who has lost the device, each good for one log-in; only their SHA-256 is kept.
create table recovery_codes (
    person text not null references people (id),
    code blob not null,
    primary key (person, code)
);
alter table sessions add column device text not null default '';
alter table sessions add column factor bigint not null default 0; -- 1: begun with a second factor
alter table tokens add column factor bigint not null default 0; -- 1: made in such a session
alter table audit add column device text not null default '';
