-- The queue's pages in the farm's own order (what goes on: by tier, priority, arrival; what has ended: the last one first),
-- of one project and of all, without reading the other 100,000 jobs.
create index jobs_turn on jobs (state, tier desc, priority desc, number);
create index jobs_project_turn on jobs (project, state, tier desc, priority desc, number);
create index jobs_ended on jobs (ended, ended_ms desc, number desc);
create index jobs_project_ended on jobs (project, ended, ended_ms desc, number desc);
