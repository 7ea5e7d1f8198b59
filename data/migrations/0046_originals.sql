-- How clips are found by what cameras call them: the newest version of each film that names one, or that
-- is a camera original without a picture.
create table camera_clips (
    asset text primary key references assets (id),
    project text not null,
    original bigint not null, -- 1: only its maker's software decodes it
    clip text not null,       -- upper case, without ending and without the number of a span
    reel text not null,       -- upper case; '': not known
    timecode text not null,   -- of its first frame; '': not known
    rate text not null,       -- '': not known
    frames bigint not null    -- 0: not known
);
create index camera_clips_by_name on camera_clips (project, clip);
create index camera_clips_by_code on camera_clips (project, timecode, reel);
-- Transcodes that stand for camera originals. What was taken off stays here, so that it is not put on
-- again by itself.
create table original_transcodes (
    original text not null references assets (id),
    transcode text not null references assets (id),
    attached bigint not null, -- 0: taken off
    how text not null,        -- 'name', 'reel and timecode', 'by hand'
    made_by text not null,    -- '' : the house
    at_ms bigint not null,
    primary key (original, transcode)
);
create index original_transcodes_of on original_transcodes (transcode, attached);
