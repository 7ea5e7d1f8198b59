create table comments (
    id text primary key, -- made by the page, so that sending twice counts once
    asset text not null references assets (id),
    version text not null references versions (id),
    number bigint not null, -- in the asset, from 1; never given again
    parent text references comments (id), -- replies are one deep
    frame bigint not null,
    end_frame bigint, -- in the range too; null: one frame
    text text not null,
    drawing text, -- JSON, Stroke[]
    person text references people (id), -- null: a visitor of a share
    share text,
    session text, -- of the visitor
    name text not null, -- of the author when it was written
    resolved bigint not null default 0,
    resolved_by text,
    created_ms bigint not null,
    edited_ms bigint not null default 0,
    deleted bigint not null default 0,
    unique (asset, number)
);
create index comments_parent on comments (parent);
create table shares (
    id text primary key,
    project text not null references projects (id),
    title text not null,
    key_hash blob not null unique, -- SHA-256 of the key in the link
    permission text not null, -- 'view' or 'comment'
    download bigint not null,
    expires_ms bigint not null, -- 0: never
    password text, -- Argon2id; null: none
    created_ms bigint not null,
    person text, -- who made it
    uses bigint not null default 0,
    used_ms bigint not null default 0,
    revoked bigint not null default 0
);
create index shares_project on shares (project);
create table share_assets (
    share text not null references shares (id),
    asset text not null references assets (id),
    position bigint not null,
    primary key (share, asset)
);
create index share_assets_asset on share_assets (asset);
