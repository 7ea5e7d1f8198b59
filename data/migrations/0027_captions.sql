-- A caption asset belongs to a film: which one, in which language, as what.
create table caption_links (
    captions text primary key references assets (id),
    film text not null references assets (id),
    language text not null, -- BCP 47; '': not said
    role text not null,     -- cc, sdh, subtitle, forced
    made_by text not null,
    made_ms bigint not null
);
create index caption_links_film on caption_links (film, made_ms, captions);
