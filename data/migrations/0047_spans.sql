-- Files that are one clip: parts that a camera cut it into, or tracks of an MXF OP-Atom set. Which asset holds
-- each part now.
create table span_parts (
    project text not null references projects (id),
    folder text not null, -- '' at the top
    span text not null,   -- what they have in common
    part bigint not null,
    asset text not null references assets (id),
    primary key (project, folder, span, part)
);
create index span_parts_of on span_parts (asset);
-- Of what came from a card: what its own index lists and is not there, as JSON of a Card.
alter table transfers add column card text;
-- What lies beside camera originals says of them (logs, makers' XML), by clip.
create table camera_rows (
    project text not null references projects (id),
    clip text not null, -- as in camera_clips
    said text not null, -- JSON: reel, timecode, rate, width, height, frames, model
    primary key (project, clip)
);
