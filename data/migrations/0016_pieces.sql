-- What a delivery's job has made on the way: the plan, the segments of the picture, the sound. They
-- go when the file is there.
create table delivery_pieces (
    job text not null,
    step text not null,            -- index, segment, sound
    task bigint not null,
    content blob,                  -- in the store; null: the result alone (index)
    size bigint not null,
    result text not null,          -- JSON, of the engine
    created_ms bigint not null,
    primary key (job, step, task)
);
create index delivery_pieces_content on delivery_pieces (content);
