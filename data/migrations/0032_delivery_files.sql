-- The files of a deliverable: one, or those of a folder (a ladder, stems), and captions beside them.
-- deliveries.content is of the one that is no sidecar; null: there are several.
create table delivery_files (
    delivery text not null,
    number bigint not null,        -- from 0
    name text not null,
    role text not null,            -- media, captions, playlist
    content blob not null,
    size bigint not null,
    about text not null,           -- JSON: {"language", "use", "notes"}, what is known of them
    primary key (delivery, number)
);
create index delivery_files_content on delivery_files (content);
insert into delivery_files
    select id, 0, name, 'media', content, size, '{}' from deliveries where content is not null;
alter table delivery_pieces add column name text; -- of its file; null: there is none
