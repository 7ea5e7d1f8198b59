-- Of whoever takes files away: '' nothing more than the right to; 'factor': a session with a second factor;
-- 'owner': an owner's role.
alter table projects add column downloads_need text not null default '';
