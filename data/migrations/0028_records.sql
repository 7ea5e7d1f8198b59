create table records (
    asset text primary key,
    record text not null,           -- JSON: what people told of it, over what its files say
    changed_by text not null,
    changed_ms bigint not null
);
