// farm/panel: what is chosen in the queue: one job's facts and why it does not run, or the sum of many.
import type { Money } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { get } from "../app/api";
import { route, to } from "../app/router";
import { Button, CopyButton } from "../parts/button";
import { count_text, left_text, length_text, percent_text, plural } from "../parts/format";
import { JobState, job_words } from "../parts/activity";
import { Panel } from "../parts/panel";
import { ProblemBox } from "../parts/problem";
import { Ago } from "../parts/time";
import { able, acts, run, suspend_or_resume } from "./acts";
import { Stack, Why } from "./look";
import { counts_of, is_over, is_render, machine_ms, part_of, type Counts, type Job } from "./model";

export function JobPanel({ jobs, open }: { jobs: readonly Job[]; why: () => void; open: (j: Job) => void }) {
  const one = jobs.length === 1 ? jobs[0] : undefined;
  return (
    <Panel side="right" name="Job" width={340} min={260}>
      <div class="side farm-side" tabIndex={0} role="region" aria-label="What is chosen">
        {one ? <One job={one} open={() => open(one)} /> : jobs.length ? <Many jobs={jobs} /> : <p class="quiet">Choose a job: its facts, and why it does not run, stand here. <kbd>?</kbd> shows the keys.</p>}
      </div>
    </Panel>
  );
}

export function Buttons({ jobs }: { jobs: readonly Job[] }) {
  const rest = suspend_or_resume(jobs);
  return (
    <div class="acts">
      {[acts.approve, rest, acts.retry, acts.cancel].map((act) =>
        able(act, jobs).length > 0 && <Button key={act.name} icon={act.icon} look={act === acts.approve ? "primary" : undefined} keys={act.key} run={() => void run(act, jobs)}>{act === acts.retry ? "Requeue failed" : act === acts.approve ? "Approve" : act.name}</Button>)}
    </div>
  );
}

// Lists tell no steps and no options: they are asked for when one job is chosen.
function useWhole(job: Job): Job {
  const [whole, set] = useState<Job | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    const wait = window.setTimeout(() => void get<Job>(`/jobs/${job.id}`, { signal: stop.signal }).then(set, () => undefined), 150);
    return () => {
      window.clearTimeout(wait);
      stop.abort();
    };
  }, [job.id, job.state]);
  return whole?.id === job.id ? { ...whole, ...job, steps: whole.steps, options: whole.options, after_jobs: whole.after_jobs } : job;
}

function One({ job: listed, open }: { job: Job; open: () => void }) {
  const job = useWhole(listed);
  return (
    <>
      <h2>{job.title}</h2>
      <JobState job={job} />
      <Progress job={job} />
      <Buttons jobs={[job]} />
      {!is_over(job) && (
        <section class="why-part" tabIndex={-1} aria-label="Why it does not run">
          <h3>{counts_of(job).running ? "How it goes" : "Why it does not run"}</h3>
          <Why job={job} />
        </section>
      )}
      {job.problem && <ProblemBox problem={job.problem} />}
      <JobFacts job={job} />
      <Button icon="right" run={open}>{is_render(job) || !job.asset ? "Open the job" : "Open its asset"}</Button>
    </>
  );
}

function Progress({ job }: { job: Job }) {
  const c = counts_of(job);
  return (
    <div class="farm-sum">
      <Stack counts={c} name={job.title} />
      <span class="mono">{is_render(job) ? `${percent_text(part_of(job))}${job.left_s && job.state === "running" ? ` · ${left_text(job.left_s)} left` : ""}` : is_over(job) ? "" : job_words(job)}</span>
      {is_render(job) && <Numbers counts={c} />}
    </div>
  );
}

export function Numbers({ counts: c }: { counts: Counts }) {
  return (
    <span class="numbers">
      {(["done", "running", "waiting", "failed", "cancelled"] as const).filter((s) => c[s] || s === "done").map((s) => (
        <span key={s}><i class={`swatch s-${s}`} aria-hidden="true" /><span class="mono">{count_text(c[s])}</span> {s}</span>
      ))}
    </span>
  );
}

export function JobFacts({ job }: { job: Job }) {
  const c = counts_of(job);
  const time = machine_ms(job);
  return (
    <dl>
      <dt>Owner</dt><dd>{job.by}</dd>
      <dt>Kind</dt><dd>{job.kind}</dd>
      <dt>{is_render(job) ? "Tasks" : "Done"}</dt><dd class="mono">{is_render(job) ? count_text(c.total) : `${count_text(job.done)} of ${count_text(job.total)} ${job.unit}`}</dd>
      {job.steps?.map((s) => s.mean_ms > 0 && <><dt>{job.steps?.length === 1 ? "Mean" : s.name}</dt><dd class="mono">{length_text(s.mean_ms / 1000)} a task{s.chunk > 1 ? `, ${s.chunk} at once` : ""}</dd></>)}
      {time && <><dt>Cost</dt><dd><span class="mono">{hours(time.spent)}</span> machine time so far{is_over(job) ? "" : <>, about <span class="mono">{hours(time.all)}</span> in all</>}</dd></>}
      {(job.spent || job.budget) && <><dt>Money</dt><dd><span class="mono">{job.spent ? money(job.spent) : "nothing"}</span> spent{job.budget ? <> of <span class="mono">{money(job.budget)}</span></> : null}</dd></>}
      {job.deadline && <><dt>Deadline</dt><dd><Ago at={job.deadline} /></dd></>}
      {job.after_jobs?.length ? <><dt>After</dt><dd>{job.after_jobs.map((id, i) => <>{i > 0 && ", "}<a class="link mono" href={to.job(route.value.project, id)}>{id.slice(-6)}</a></>)}</dd></> : null}
      <dt>Priority</dt><dd class="mono">{job.priority}, tier {job.tier}</dd>
      {options_of(job).map(([name, words]) => <><dt>{name}</dt><dd class="cut-2" title={words}>{words}</dd></>)}
      <dt>Sent</dt><dd><Ago at={job.created} /></dd>
      {job.started && <><dt>Started</dt><dd><Ago at={job.started} /></dd></>}
      {job.ended && <><dt>Ended</dt><dd><Ago at={job.ended} /></dd></>}
      <dt>Id</dt><dd class="with-copy"><code class="cut">{job.id}</code><CopyButton text={job.id} name="Copy the id" /></dd>
    </dl>
  );
}

// What it was submitted with (docs/formats/submission.md), in words; what is as usual is not said.
const said: Record<string, [name: string, words: (v: unknown) => string]> = {
  pool: ["Pool", String],
  tags: ["Tags", list_text],
  not_tags: ["Not tags", list_text],
  hosts: ["Hosts", list_text],
  not_hosts: ["Not hosts", list_text],
  limits: ["Holds", (v) => (is_object(v) ? Object.entries(v).map(([k, n]) => `${String(n)} × ${k}`).join(", ") : "")],
  tries: ["Tries", (v) => `${String(v)} a task`],
  stop_after: ["Stops after", (v) => (v ? `${String(v)} failures in a row` : "never")],
  preview_every: ["Preview", (v) => (v ? `first, middle, last, and one in ${String(v)}` : "")],
  approve: ["Approval", (v) => (v ? "by a person, after the preview" : "")],
  preempts: ["Makes room", (v) => (v ? "stops lower tiers" : "")],
  preemptible: ["Gives way", (v) => (v === false ? "never" : "")],
  once: ["Stragglers", (v) => (v ? "are not run twice" : "")],
  frames_after: ["Frames wait", (v) => (Array.isArray(v) ? v.map((x: unknown) => (is_object(x) ? `${String(x["step"])} for ${String(x["on"])}` : "")).join(", ") : "")],
  task_minutes: ["Guessed", (v) => (v ? `${String(v)} min a task` : "")],
  silence_minutes: ["Frozen after", (v) => (v ? `${String(v)} min of silence` : "never")],
  renderer: ["Renderer", String],
  outputs: ["Makes", (v) => (Array.isArray(v) ? v.map((x: unknown) => (is_object(x) ? String(x["path"]) : "")).join(", ") : "")],
};
const is_object = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v);
function list_text(v: unknown): string {
  return Array.isArray(v) ? v.map(String).join(", ") : "";
}

export function options_of(job: Job): [name: string, words: string][] {
  const options = job.options ?? {};
  return Object.entries(said).flatMap(([key, [name, words]]): [string, string][] => {
    const text = key in options ? words(options[key]) : "";
    return text ? [[name, text]] : [];
  });
}

const money = (m: Money): string => `${m.amount.toFixed(2)} ${m.currency}`;
const hours = (ms: number): string => (ms < 3_600_000 ? `${Math.max(1, Math.round(ms / 60_000))} min` : `${count_text(ms < 360_000_000 ? Math.round(ms / 360_000) / 10 : Math.round(ms / 3_600_000))} h`);

function Many({ jobs }: { jobs: readonly Job[] }) {
  const sum = { done: 0, running: 0, waiting: 0, failed: 0, cancelled: 0, total: 0 };
  for (const j of jobs) {
    const c = counts_of(j);
    for (const k of Object.keys(sum) as (keyof Counts)[]) sum[k] += c[k];
  }
  const states = new Map<string, number>();
  for (const j of jobs) states.set(j.state, (states.get(j.state) ?? 0) + 1);
  return (
    <>
      <h2>{plural(jobs.length, "job")} chosen</h2>
      <p class="quiet">{[...states].map(([s, n]) => `${count_text(n)} ${s}`).join(", ")}</p>
      <div class="farm-sum">
        <Stack counts={sum} name="All that is chosen" />
        <span class="mono">{percent_text(sum.done / Math.max(1, sum.total))} of {count_text(sum.total)} tasks</span>
        <Numbers counts={sum} />
      </div>
      <Buttons jobs={jobs} />
      <div class="acts">
        {[acts.raise, acts.lower].map((act) => able(act, jobs).length > 0 && <Button key={act.name} icon={act.icon} keys={act.key} run={() => void run(act, jobs)}>{act.name}</Button>)}
      </div>
    </>
  );
}
