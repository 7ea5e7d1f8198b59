create table events (
    number integer primary key,
    at_ms bigint not null,
    kind text not null,
    project text,
    subject text not null,
    body text not null
);
create table house_values (name text primary key, value text not null);
