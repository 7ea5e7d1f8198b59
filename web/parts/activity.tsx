/*
 * parts/activity: the button in the top bar that shows all the work under way, on every page.
 */
import type { Job, ValueRun } from "api-types";
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { patch, post, problem_of } from "../app/api";
import { active_list, active_total, ended_now, take_job } from "../app/jobs";
import { go, route, to } from "../app/router";
import { runs } from "../app/runs";
import { upload_list, uploads_part, uploads_under_way } from "../transfer/state";
import { Button } from "./button";
import { count_text, left_text, percent_text, plural } from "./format";
import { Icon } from "./icons";
import { useKeys } from "./keys";
import { ProblemBox } from "./problem";
import { Progress } from "./progress";
import { Ago } from "./time";
import { tell_problem } from "./toast";

const open = signal(false);
export const toggle_activity = (): void => void (open.value = !open.value);

export async function job_act(job: Job, act: "cancel" | "retry"): Promise<void> {
  try {
    take_job(await post<Job>(`/jobs/${job.id}/${act}`));
  } catch (e) {
    tell_problem(problem_of(e));
  }
}
export async function job_priority(job: Job, priority: number): Promise<void> {
  try {
    take_job(await patch<Job>(`/jobs/${job.id}`, { priority }));
  } catch (e) {
    tell_problem(problem_of(e));
  }
}

export function job_words(job: Job): string {
  switch (job.state) {
    case "waiting":
      return job.attempts > 0 ? `waiting to try again (${job.attempts} so far)` : "waiting";
    case "running": {
      const parts = [percent_text(job.progress)];
      if (job.rate && job.rate > 0) parts.push(`${job.rate < 10 ? job.rate.toFixed(1) : count_text(Math.round(job.rate))} ${job.unit}/s`);
      if (job.left_s !== null && job.left_s !== undefined && job.left_s > 0) parts.push(`${left_text(job.left_s)} left`);
      return parts.join(" · ");
    }
    default:
      return job.state;
  }
}

export function JobState({ job }: { job: Job }) {
  const look = { waiting: "quiet", running: "busy", suspended: "quiet", stopped: "bad", approval: "note", done: "good", failed: "bad", cancelled: "quiet" }[job.state];
  const icon = ({ waiting: "clock", running: "activity", suspended: "pause", stopped: "stop", approval: "eye", done: "check", failed: "alert", cancelled: "close" } as const)[job.state];
  return (
    <span class={`job-state ${look}`}>
      <Icon name={icon} size={14} /> {job.state}
    </span>
  );
}

function Row({ job }: { job: Job }) {
  const under_way = job.state === "running" || job.state === "waiting";
  return (
    <li class="activity-row">
      <div class="line">
        <span class="cut" title={job.title}>
          {job.title}
        </span>
        {job.state === "failed" && <Button icon="retry" name={`Try ${job.title} again`} look="plain" run={() => void job_act(job, "retry")} />}
        {under_way && <Button icon="close" name={`Cancel ${job.title}`} look="plain" run={() => void job_act(job, "cancel")} />}
      </div>
      {job.state === "running" && <Progress part={job.progress} name={job.title} />}
      <div class="line quiet mono">
        {under_way ? (
          job_words(job)
        ) : (
          <>
            <JobState job={job} /> {job.ended && <Ago at={job.ended} />}
          </>
        )}
      </div>
      {job.problem && job.state === "failed" && <ProblemBox problem={job.problem} />}
    </li>
  );
}

export const run_words = (r: ValueRun): string =>
  [`${count_text(r.done)} of ${count_text(r.total)} values`, r.rate > 0 && `${count_text(Math.round(r.rate))}/s`, r.left_s && `${left_text(r.left_s)} left`, r.problem && `waits: ${r.problem}`].filter(Boolean).join(" · ");

export function ActivityButton() {
  const count = active_total.value + uploads_under_way.value + runs.value.size;
  return (
    <button type="button" class={`button plain activity-button${count ? " busy" : ""}`} aria-expanded={open.value} aria-controls="activity" aria-label={`Activity: ${count} under way`} title="Activity" onClick={toggle_activity}>
      <Icon name="activity" />
      {count > 0 && <span class="mono">{count_text(count)}</span>}
    </button>
  );
}

export function Activity() {
  return open.value ? <Box /> : null;
}

function Box() {
  const box = useRef<HTMLDivElement>(null);
  const close = () => void (open.value = false);
  useKeys("Activity", [{ keys: ["Escape"], name: "Close the activity list", run: close, hidden: true }]);
  useEffect(() => {
    const outside = (e: Event) => {
      if (e.target instanceof Element && (box.current?.contains(e.target) || e.target.closest(".activity-button, dialog, .menu"))) return;
      close();
    };
    window.addEventListener("pointerdown", outside);
    return () => window.removeEventListener("pointerdown", outside);
  }, []);
  const jobs = active_list.value;
  // All that run, and a few of those that wait.
  const shown = Math.min(jobs.length, 20, jobs.filter((j) => j.state === "running").length + 5);
  const ended = ended_now.value.slice(0, 8);
  const project = route.value.project;
  return (
    <div ref={box} id="activity" class="activity" role="region" aria-label="Activity">
      <header>
        <h2>Activity</h2>
        <Button
          look="plain"
          run={() => {
            close();
            go(to.farm(project));
          }}
        >
          The farm
        </Button>
      </header>
      <div class="scroll" tabIndex={0}>
        {upload_list.value.length > 0 && (
          <section>
            <h3>Uploads</h3>
            <div class="activity-row">
              <span>{uploads_under_way.value ? `${count_text(uploads_under_way.value)} files on their way` : "All files are in the house"}</span>
              <Progress part={uploads_part.value} name="Uploads" look={uploads_under_way.value ? undefined : "good"} />
            </div>
          </section>
        )}
        <section>
          <h3>Under way</h3>
          {[...runs.value].map(([key, c]) => c.run && (
            <div class="activity-row" key={key}>
              <span class="cut">{c.title}</span>
              <Progress part={c.run.done / c.run.total} name={c.title} />
              <span class="quiet mono">{run_words(c.run)}</span>
            </div>
          ))}
          {jobs.length === 0 && !runs.value.size && <p class="quiet">Nothing is running. Work begins by itself when media arrives.</p>}
          <ul>
            {jobs.slice(0, shown).map((j) => (
              <Row key={j.id} job={j} />
            ))}
          </ul>
          {active_total.value > shown && <p class="quiet">and {plural(active_total.value - shown, "job")} more</p>}
        </section>
        {ended.length > 0 && (
          <section>
            <h3>Just ended</h3>
            <ul>
              {ended.map((j) => (
                <Row key={j.id} job={j} />
              ))}
            </ul>
          </section>
        )}
      </div>
    </div>
  );
}
