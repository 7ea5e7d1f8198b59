-- The document of an asset that was taken last from another house, so that the same is not taken again.
create table parcel_seen (
    asset text primary key,
    document text not null -- its SHA-256, and what its account might do here then
);
-- Who sent a delivery, or ordered that it goes: its bytes count against that person's caps. Null: a rule did, or it was before.
alter table sendings add column person text;
alter table delivery_orders add column person text;
