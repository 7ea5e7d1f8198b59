-- Recordings that a camera cuts into clips which may lie on several cards (P2): the clips that came.
create table shot_parts (
    project text not null references projects (id),
    shot text not null,
    part bigint not null, -- where the clip begins in the recording, in frames
    asset text not null references assets (id),
    clip text not null,   -- its name on the card
    frames bigint not null,
    id text not null,     -- of the clip, '' when not said
    before_id text,       -- of the clips that it goes on with; null: there is none
    before_name text,
    after_id text,
    after_name text,
    primary key (project, shot, part)
);
create index shot_parts_of on shot_parts (asset);
