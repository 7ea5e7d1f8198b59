-- Jobs are found by words: search_jobs has the number of a job as its row; the ledger fills it when it opens. And the orders of
-- the queue hold all that a count and a search look at, so that neither reads rows: of all, of a project, of a person.
create virtual table search_jobs using fts5(words, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3');
drop index jobs_turn;
drop index jobs_project_turn;
drop index jobs_ended;
drop index jobs_project_ended;
create index jobs_turn on jobs (state, tier desc, priority desc, number, kind, project);
create index jobs_project_turn on jobs (project, state, tier desc, priority desc, number, kind);
create index jobs_person_turn on jobs (made_by, state, tier desc, priority desc, number, kind, project);
create index jobs_ended on jobs (ended, ended_ms desc, number desc, kind, project, state);
create index jobs_project_ended on jobs (project, ended, ended_ms desc, number desc, kind, state);
create index jobs_person_ended on jobs (made_by, ended, ended_ms desc, number desc, kind, project, state);
-- How fast bytes go to and from the house, as those who moved them measured it: workers with staged jobs' files, and uploads.
create table speeds (
    kind text not null,        -- worker, put
    origin text not null,      -- a worker's id; a person's id, '/' and the machine's name
    direction text not null,   -- out of the house, in to it
    person text not null,      -- of a put; else ''
    name text not null,        -- of the machine, of a put; else ''
    bytes_s bigint not null,   -- smoothed
    at_ms bigint not null,
    primary key (kind, origin, direction)
);
