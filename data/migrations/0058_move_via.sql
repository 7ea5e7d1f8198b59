-- Which way a transfer took: udp, tcp (several streams), https (one); '': not known.
alter table moves add column via text not null default '';
