-- The document of an asset that was taken last from another house, so that the same is not taken again.
create table parcel_seen (
    asset text primary key,
    document text not null -- its SHA-256, and what its account might do here then
);
-- Who sent a delivery, or ordered that it goes: its bytes count against that person's caps. Null: a rule did, or it was before.
alter table sendings add column person text;
alter table delivery_orders add column person text;
-- What lists of hashes say that lay beside files which came by themselves: the lists did not come along.
create table lists_beside (
    transfer text not null,
    path text not null,   -- of the file, in the transfer
    list text not null,   -- name of the list
    kind text not null,   -- md5, xxh64, ...
    digest text not null,
    primary key (transfer, path, list, kind)
);
