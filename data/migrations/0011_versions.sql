-- Null: what a transfer brings are assets of their own; else they are further versions of this one.
alter table transfers add column asset text;
