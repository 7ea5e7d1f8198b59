-- What a link is for, and what it asks. kind: 'review' (look, comment), 'files' (take files away),
-- 'request' (bring files in).
alter table shares add column kind text not null default 'review';
alter table shares add column most_uses bigint not null default 0; -- 0: any number
alter table shares add column message text not null default '';
alter table shares add column wants text; -- of a request: JSON, RequestWants
-- Whole folders, as they are when somebody looks ('' : the project's top).
create table share_folders (
    share text not null references shares (id),
    folder text not null,
    primary key (share, folder)
);
alter table share_assets add column by_folder bigint not null default 0;
-- What was done with a link, and by whom.
create table share_uses (
    id text primary key,
    share text not null references shares (id),
    at_ms bigint not null,
    session text not null, -- of the visitor
    name text not null,    -- what the visitor wants to be called
    address text not null,
    act text not null,     -- 'opened', 'zip', 'file', 'received'
    detail text not null,
    bytes bigint not null
);
create index share_uses_of on share_uses (share, at_ms, id);
-- What came by a request: which, by whose visit, and what the visitor answered (JSON).
alter table transfers add column share text;
alter table transfers add column session text;
alter table transfers add column answers text;
create index transfers_of_share on transfers (share, created_ms);
-- CRC-32 of contents, for archives; upto < the content's size: of so many bytes from its start.
create table content_crcs (
    content blob primary key,
    upto bigint not null,
    crc bigint not null
);
-- How links look: '' is the house's own, others are of projects.
create table brands (
    project text primary key,
    name text not null,
    colour text not null,  -- #rrggbb or ''
    message text not null,
    logo text not null     -- data: address of a small picture, or ''
);
-- Mail that no hook asked for has its own address.
alter table notices add column target text;
