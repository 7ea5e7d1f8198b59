/*
 * farm/acts: what can be done to jobs, once: keys, buttons and menus are made from this table. Orders to many
 * go a few at a time and end in one message that names those that were refused.
 */
import { patch, post, problem } from "../app/api";
import { take_job } from "../app/jobs";
import { may, projects } from "../app/session";
import { ask } from "../parts/dialog";
import { plural, sentence } from "../parts/format";
import type { IconName } from "../parts/icons";
import type { MenuItem } from "../parts/menu";
import { tell, tell_problem } from "../parts/toast";
import { each } from "./each";
import { counts_of, is_over, type Job } from "./model";

export interface Act {
  key: string;
  name: string;
  past: string; // "Suspended"
  icon: IconName;
  danger?: boolean;
  can: (j: Job) => boolean;
  order: (j: Job) => Promise<Job>;
  back?: (j: Job) => Promise<Job>; // undoes it; j is the job as it was
}

const say = (order: string, body?: unknown) => (j: Job) => post<Job>(`/jobs/${j.id}/${order}`, body);
const raise = (by: number) => (j: Job) => patch<Job>(`/jobs/${j.id}`, { priority: Math.min(100, Math.max(0, j.priority + by)) });
const prior = (j: Job) => patch<Job>(`/jobs/${j.id}`, { priority: j.priority });

export const acts = {
  suspend: { key: "S", name: "Suspend", past: "Suspended", icon: "pause", can: (j) => !is_over(j) && j.state !== "suspended" && j.state !== "stopped", order: say("suspend", {}), back: say("resume") },
  resume: { key: "S", name: "Resume", past: "Resumed", icon: "play", can: (j) => j.state === "suspended" || j.state === "stopped", order: say("resume"), back: say("suspend", {}) },
  retry: { key: "R", name: "Requeue what failed", past: "Requeued", icon: "retry", can: (j) => j.state === "failed" || j.state === "cancelled" || counts_of(j).failed > 0, order: say("retry") },
  approve: { key: "P", name: "Approve the preview", past: "Approved", icon: "check", can: (j) => j.state === "approval", order: say("approve") },
  raise: { key: "+", name: "Higher priority", past: "Raised", icon: "up", can: (j) => !is_over(j) && j.priority < 100, order: raise(5), back: prior },
  lower: { key: "-", name: "Lower priority", past: "Lowered", icon: "down", can: (j) => !is_over(j) && j.priority > 0, order: raise(-5), back: prior },
  cancel: { key: "Delete", name: "Cancel", past: "Cancelled", icon: "close", danger: true, can: (j) => !is_over(j), order: say("cancel") },
} satisfies Record<string, Act>;

export const may_edit = (j: Job): boolean => may("edit", projects.value.find((p) => p.id === j.project) ?? null);

// Those of the jobs to which the person may do it now.
export const able = (act: Act, jobs: readonly Job[]): Job[] => jobs.filter((j) => act.can(j) && may_edit(j));

// What S does: suspends what goes on; when all chosen rest already, resumes them.
export const suspend_or_resume = (jobs: readonly Job[]): Act => (able(acts.suspend, jobs).length ? acts.suspend : acts.resume);

export function say_result(past: string, what: (n: number) => string, total: number, refused: { name: string; why: string }[], undo?: () => void): void {
  const done = total - refused.length;
  if (!refused.length) return tell(`${past} ${what(done)}`, undo && { name: "Undo", run: undo });
  const named = refused.slice(0, 6).map((r) => `${r.name}: ${r.why}`);
  if (refused.length > named.length) named.push(`and ${refused.length - named.length} more`);
  tell_problem(problem("conflict", `${done ? `${past} ${what(done)}; not` : "Not"} ${past.toLowerCase()}: ${what(refused.length)}`, sentence(named.join(". ")), "look at those that are named; the others are done"));
}

export async function run(act: Act, jobs: readonly Job[]): Promise<void> {
  const list = able(act, jobs);
  if (!list.length) {
    if (jobs.length) tell(may_edit(jobs[0] as Job) ? `Nothing to do: ${act.name.toLowerCase()} does not apply to what is chosen` : "You may look at this project, not change it");
    return;
  }
  if (act.danger && !(await sure(act, list))) return;
  const refused = await each(list, async (j) => take_job(await act.order(j)));
  const { back } = act;
  const undo = back && (() => void each(list, async (j) => take_job(await back(j))).then((no) => say_result("Undone for", (n) => plural(n, "job"), list.length, no.map((r) => ({ name: r.one.title, why: r.why })))));
  say_result(act.past, (n) => (list.length === 1 && list[0] ? list[0].title : plural(n, "job")), list.length, refused.map((r) => ({ name: r.one.title, why: r.why })), undo);
}

function sure(act: Act, list: readonly Job[]): Promise<boolean> {
  const open = list.reduce((n, j) => n + counts_of(j).running, 0);
  return ask({
    title: list.length === 1 ? `${act.name} ${list[0]?.title}?` : `${act.name} ${plural(list.length, "job")}?`,
    text: (
      <>
        {list.length > 1 && <ul class="names">{list.slice(0, 8).map((j) => <li key={j.id} class="cut">{j.title}</li>)}{list.length > 8 && <li>and {list.length - 8} more</li>}</ul>}
        <p>{open ? `${plural(open, "task")} that ${open === 1 ? "runs" : "run"} now will be stopped. ` : ""}Finished frames stay. “Requeue what failed” brings the rest back.</p>
      </>
    ),
    yes: list.length === 1 ? "Cancel the job" : "Cancel them",
    danger: true,
  });
}

export function menu_of(jobs: readonly Job[], more: { open?: () => void; why?: () => void }): MenuItem[] {
  const item = (act: Act): MenuItem => ({ name: act.name, icon: act.icon, keys: act.key, danger: act.danger, disabled: !able(act, jobs).length, run: () => void run(act, jobs) });
  return [
    ...(more.open ? [{ name: "Open", icon: "right" as const, keys: "Enter", disabled: jobs.length !== 1, run: more.open }] : []),
    ...(more.why ? [{ name: "Why does it not run?", icon: "info" as const, keys: "W", disabled: jobs.length !== 1, run: more.why }] : []),
    "line",
    item(suspend_or_resume(jobs)),
    item(acts.retry),
    item(acts.approve),
    "line",
    item(acts.raise),
    item(acts.lower),
    "line",
    item(acts.cancel),
  ];
}
