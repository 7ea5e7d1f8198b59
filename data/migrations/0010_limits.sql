-- What there is only so much of, such as licences: tasks that need one wait for it.
create table limits (
    name text primary key,
    scope text not null,            -- task: one an attempt; host: one for all of a machine
    total bigint not null,
    outside bigint not null,        -- held by others, as the licence server says
    yields bigint not null          -- 1: attempts give way when others take one
);
