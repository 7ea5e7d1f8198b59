-- What a person has said of a worker and its machine. It holds until a person says otherwise.
alter table workers add column drained bigint not null default 0;     -- 1: it takes nothing more
alter table workers add column quarantined bigint not null default 0; -- 1: nor does any worker of its machine
