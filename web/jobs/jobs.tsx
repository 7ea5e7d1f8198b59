/*
 * jobs/jobs: what runs, waits and has ended; live. Thousands of rows, of which only those seen are drawn.
 */
import sheet from "../style/views.css?url";
import type { Job, JobList, Problem } from "api-types";
import { useEffect, useMemo, useState } from "preact/hooks";
import { get, is_aborted, problem_of, with_query } from "../app/api";
import { subscribe } from "../app/events";
import { active_list } from "../app/jobs";
import { go, route, set_query, to } from "../app/router";
import { may, projects } from "../app/session";
import { JobState, job_act, job_priority, job_words } from "../parts/activity";
import { Button, CopyButton, Segments } from "../parts/button";
import { count_text } from "../parts/format";
import { useKeys } from "../parts/keys";
import { menu_at, type MenuItem } from "../parts/menu";
import { Panel } from "../parts/panel";
import { Empty, ProblemBox } from "../parts/problem";
import { Progress } from "../parts/progress";
import { Ago } from "../parts/time";
import { VirtualRows } from "../parts/virtual";

export { sheet };
type Filter = "all" | "active" | "ended" | "failed";

export function Jobs() {
  const r = route.value;
  const filter: Filter = r.query["state"] === "active" || r.query["state"] === "ended" || r.query["state"] === "failed" ? r.query["state"] : "all";
  const chosen_id = r.query["job"] ?? null;
  const [ended, set_ended] = useState<readonly Job[]>([]);
  const [total, set_total] = useState<number | null>(null);
  const [next, set_next] = useState<string | null>(null);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [turn, again] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    get<JobList>(with_query("/jobs", { project: r.project, state: "ended", limit: 200 }), { signal: stop.signal }).then(
      (list) => {
        set_ended(list.items);
        set_total(list.total);
        set_next(list.cursor ?? null);
        set_wrong(null);
      },
      (e: unknown) => !is_aborted(e) && set_wrong(problem_of(e)),
    );
    const end = subscribe({
      kinds: ["job.changed"],
      hear: (news) => {
        const job = news.body as Job;
        if (r.project && news.project !== r.project) return;
        if (job.state === "running" || job.state === "waiting") set_ended((list) => (list.some((j) => j.id === job.id) ? list.filter((j) => j.id !== job.id) : list));
        else set_ended((list) => [job, ...list.filter((j) => j.id !== job.id)]);
      },
    });
    return () => {
      stop.abort();
      end();
    };
  }, [r.project, turn]);
  const more = () => {
    if (!next) return;
    const cursor = next;
    set_next(null);
    get<JobList>(with_query("/jobs", { project: r.project, state: "ended", limit: 500, cursor })).then(
      (list) => {
        set_ended((have) => [...have, ...list.items.filter((j) => !have.some((h) => h.id === j.id))]);
        set_next(list.cursor ?? null);
      },
      (e: unknown) => set_wrong(problem_of(e)),
    );
  };
  // The jobs under way know their project through their body only when the list was asked for it.
  const active = active_list.value;
  const list = useMemo(() => {
    const seen = new Set(active.map((j) => j.id));
    const gone = ended.filter((j) => !seen.has(j.id));
    const of_filter = { all: [...active, ...gone], active, ended: gone, failed: gone.filter((j) => j.state === "failed") }[filter];
    return r.project ? of_filter.filter((j) => !j.project || j.project === r.project) : of_filter;
  }, [active, ended, filter, r.project]);
  const chosen = list.find((j) => j.id === chosen_id) ?? null;
  const move = (by: number) => {
    const at = list.findIndex((j) => j.id === chosen_id);
    const job = list[Math.min(list.length - 1, Math.max(0, at + by))];
    if (job) set_query({ job: job.id }, { replace: true });
  };
  useKeys("Jobs", [
    { keys: ["ArrowDown"], name: "Next job", run: () => move(1), in_palette: false },
    { keys: ["ArrowUp"], name: "Job before", run: () => move(-1), in_palette: false },
    { keys: ["Enter"], name: "Open its asset", run: () => (chosen?.asset ? open(chosen) : false) },
    { keys: ["Delete"], name: "Cancel the job", run: () => (chosen && live(chosen) ? void job_act(chosen, "cancel") : false) },
    { keys: ["R"], name: "Try it again", run: () => (chosen && !live(chosen) && chosen.state !== "done" ? void job_act(chosen, "retry") : false) },
    { keys: ["Escape"], name: "Choose nothing", run: () => set_query({ job: null }, { replace: true }), in_palette: false },
  ]);
  return (
    <>
      <main>
        <div class="bar">
          <h1 class="bar-title">Jobs</h1>
          <span class="quiet mono" role="status">{count_text(active.length)} under way{total === null ? "" : `, ${count_text(Math.max(total, ended.length))} ended`}</span>
          <span class="search-gap" />
          <Segments<Filter> name="Which" value={filter} pick={(v) => set_query({ state: v === "all" ? null : v }, { replace: true })} options={[{ value: "all", label: "All" }, { value: "active", label: "Under way" }, { value: "ended", label: "Ended" }, { value: "failed", label: "Failed" }]} />
        </div>
        {wrong && <ProblemBox problem={wrong} retry={() => again((n) => n + 1)} />}
        {list.length === 0 && !wrong ? (
          total === null ? <div class="empty" aria-busy="true" /> : (
            <Empty title={filter === "failed" ? "Nothing has failed" : "No jobs here"}>
              <p>{filter === "failed" ? "When a job fails, what happened and the way out stand here." : "When media arrives, its facts are read and proxies are made; deliveries run here too."}</p>
            </Empty>
          )
        ) : (
          <div class="jobs">
            <VirtualRows
              count={list.length}
              row_height={44}
              row_key={(i) => list[i]?.id ?? i}
              look={(_, last) => last >= list.length - 20 && more()}
              attributes={{ role: "grid", tabIndex: 0, "aria-label": "Jobs", "aria-rowcount": list.length }}
              draw={(i) => {
                const j = list[i];
                return j ? <Row job={j} place={i} chosen={j.id === chosen_id} /> : null;
              }}
            />
          </div>
        )}
      </main>
      {chosen && <Side job={chosen} />}
    </>
  );
}

const live = (j: Job): boolean => j.state === "running" || j.state === "waiting";
const project_of = (j: Job): string | null => j.project || route.value.project;
function open(j: Job): void {
  const project = project_of(j);
  if (j.asset && project) go(to.review(project, j.asset));
}
const may_edit = (j: Job): boolean => may("edit", projects.value.find((p) => p.id === project_of(j)) ?? null);

function Row({ job, place, chosen }: { job: Job; place: number; chosen: boolean }) {
  const acts = (e: MouseEvent) => {
    const items: MenuItem[] = [
      { name: "Open its asset", icon: "play", keys: "Enter", disabled: !job.asset, run: () => open(job) },
      "line",
      { heading: "Priority" },
      ...([[100, "Highest"], [50, "Usual"], [0, "Lowest"]] as const).map(([n, name]): MenuItem => ({ name, checked: job.priority === n, disabled: !live(job) || !may_edit(job), run: () => void job_priority(job, n) })),
      "line",
      { name: "Try again", icon: "retry", keys: "R", disabled: live(job) || job.state === "done" || !may_edit(job), run: () => void job_act(job, "retry") },
      { name: "Cancel", icon: "close", keys: "Delete", danger: true, disabled: !live(job) || !may_edit(job), run: () => void job_act(job, "cancel") },
    ];
    menu_at(e, items, job.title);
  };
  return (
    <div class={`job-row${chosen ? " chosen" : ""}`} role="row" aria-rowindex={place + 1} aria-selected={chosen} onContextMenu={acts} onDblClick={() => open(job)}>
      <span role="gridcell" class="cut">
        <button type="button" class="title cut" title={job.title} onClick={() => set_query({ job: job.id }, { replace: true })}>{job.title}</button>
        <span class="quiet">{job.kind}</span>
      </span>
      <span role="gridcell"><JobState job={job} /></span>
      <span role="gridcell" class="how">
        {job.state === "running" && <Progress part={job.progress} name={job.title} />}
        <span class={`mono cut ${job.state === "failed" ? "bad" : "quiet"}`} title={job.problem?.detail}>{job.state === "failed" ? (job.problem?.title ?? "failed") : live(job) ? job_words(job) : ""}</span>
      </span>
      <span role="gridcell" class="quiet">{job.priority > 50 ? "high" : job.priority < 50 ? "low" : "usual"}</span>
      <span role="gridcell" class="quiet"><Ago at={job.ended ?? job.started ?? job.created} /></span>
      <span role="gridcell" class="acts">
        {live(job) && may_edit(job) && <Button icon="close" name={`Cancel ${job.title}`} look="plain" run={() => void job_act(job, "cancel")} />}
        {(job.state === "failed" || job.state === "cancelled") && may_edit(job) && <Button icon="retry" name={`Try ${job.title} again`} look="plain" run={() => void job_act(job, "retry")} />}
        <Button icon="more" name={`What to do with ${job.title}`} look="plain" run={acts} />
      </span>
    </div>
  );
}

function Side({ job }: { job: Job }) {
  return (
    <Panel side="right" name="Job" width={320} min={240}>
      <div class="side" tabIndex={0}>
        <h2>{job.title}</h2>
        <JobState job={job} />
        {live(job) && <><Progress part={job.progress} name={job.title} /><span class="mono quiet">{job_words(job)}</span></>}
        {job.problem && <ProblemBox problem={job.problem} retry={may_edit(job) && !live(job) ? () => void job_act(job, "retry") : undefined} />}
        <dl>
          <dt>Kind</dt><dd>{job.kind}</dd>
          <dt>Done</dt><dd class="mono">{count_text(job.done)} of {count_text(job.total)} {job.unit}</dd>
          <dt>Priority</dt><dd class="mono">{job.priority}</dd>
          <dt>Attempts</dt><dd class="mono">{job.attempts}</dd>
          <dt>By</dt><dd>{job.by}</dd>
          <dt>Made</dt><dd><Ago at={job.created} /></dd>
          {job.started && <><dt>Started</dt><dd><Ago at={job.started} /></dd></>}
          {job.ended && <><dt>Ended</dt><dd><Ago at={job.ended} /></dd></>}
          <dt>Id</dt><dd class="with-copy"><code class="cut">{job.id}</code><CopyButton text={job.id} name="Copy the id" /></dd>
        </dl>
        {job.asset && <Button icon="play" run={() => open(job)}>Open its asset</Button>}
      </div>
    </Panel>
  );
}
