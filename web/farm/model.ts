/*
 * farm/model: what the house says of its farm (docs/formats/submission.md), and what follows from it. No DOM.
 */
import type { Attempt, FarmShare as Share, FarmSums, Job as BareJob, JobList as BareList, Limit, LogPart, Node, Output, Reason, Step, Task as BareTask, TaskRuns } from "api-types";
import { left_text } from "../parts/format";
import { found_by } from "./found";

export type { Attempt, FarmSums, Limit, LogPart, Node, Output, Reason, Share, Step, TaskRuns };
export type Job = Omit<BareJob, "options"> & { options?: Record<string, unknown> | null };
export type JobList = Omit<BareList, "items"> & { items: Job[] };
export type Task = Omit<BareTask, "values"> & { values: Record<string, unknown> };

// ---- jobs

export interface Counts {
  done: number;
  running: number;
  waiting: number;
  failed: number;
  cancelled: number;
  total: number;
}

export const is_over = (j: Job): boolean => j.state === "done" || j.state === "failed" || j.state === "cancelled";
export const is_render = (j: Job): boolean => j.kind === "render";

export function counts_of(j: Job): Counts {
  const { waiting, running, done, failed, cancelled } = j.counts;
  const total = waiting + running + done + failed + cancelled;
  if (is_render(j) || total > 1) return { done, running, waiting, failed, cancelled, total };
  // An engine's one task is told by its beats: frames or bytes of it.
  const all = Math.max(1, j.total);
  const so_far = Math.min(all, j.state === "done" ? all : j.total ? j.done : 0);
  const into = j.state === "failed" ? "failed" : j.state === "cancelled" ? "cancelled" : j.state === "running" ? "running" : "waiting";
  return { done: so_far, running: 0, waiting: 0, failed: 0, cancelled: 0, total: all, [into]: all - so_far };
}

export const part_of = (j: Job): number => {
  const c = counts_of(j);
  return c.total > 1 || j.state === "done" ? c.done / c.total : j.progress;
};

// Machine time: what was spent, and what all of it is going to need as far as the mean tells.
export function machine_ms(j: Job): { spent: number; all: number } | null {
  const steps = j.steps?.filter((s) => s.mean_ms > 0) ?? [];
  if (!steps.length) return null;
  const spent = steps.reduce((sum, s) => sum + s.mean_ms * (s.done + s.failed), 0);
  return { spent, all: steps.reduce((sum, s) => sum + s.mean_ms * (s.tasks - s.cancelled), 0) };
}

// ---- deadline and money

// How it stands with its deadline; `late`: at the pace of now it will not be met. Null: there is none.
export function due_of(j: Job, now: number): { text: string; late: boolean } | null {
  const at = j.deadline ? Date.parse(j.deadline) : NaN;
  if (Number.isNaN(at)) return null;
  const left = (at - now) / 1000;
  if (is_over(j)) return j.ended && Date.parse(j.ended) > at ? { text: "after its deadline", late: true } : { text: "within its deadline", late: false };
  if (left < 0) return { text: `${left_text(-left)} over its deadline`, late: true };
  return { text: `due in ${left_text(left)}`, late: (j.left_s ?? 0) > left };
}

// What it spent on machines that cost money, of what it may. Null: neither.
export function money_of(j: Job): { text: string; over: boolean } | null {
  const budget = j.budget ?? null;
  const spent = j.spent?.amount ?? 0;
  if (!budget && !spent) return null;
  const currency = budget?.currency ?? j.spent?.currency ?? "";
  return { text: budget ? `${spent.toFixed(2)} of ${budget.amount.toFixed(2)} ${currency}` : `${spent.toFixed(2)} ${currency}`, over: budget !== null && spent >= budget.amount };
}

// ---- the queue: filter and order

export const filters = ["all", "active", "waiting", "failed", "approval", "ended"] as const;
export type Filter = (typeof filters)[number];
export const sorts = ["turn", "name", "by", "state", "part", "failed", "priority", "left", "created"] as const;
export type Sort = (typeof sorts)[number];
export interface Wish {
  project: string | null;
  filter: Filter;
  kind: "all" | "render" | "media";
  q: string;
  mine: string | null; // a person's name
  sort: Sort;
  order: "asc" | "desc";
}

export function wanted(j: Job, w: Wish): boolean {
  if (w.project && j.project && j.project !== w.project) return false;
  if (w.mine !== null && j.by !== w.mine) return false;
  if (w.kind !== "all" && is_render(j) !== (w.kind === "render")) return false;
  if (w.q && !found_by(`${j.title} ${j.by} ${j.id}`, w.q)) return false;
  switch (w.filter) {
    case "active":
      return !is_over(j);
    case "waiting":
      return j.state === "waiting";
    case "failed":
      return j.state === "failed" || j.state === "stopped" || counts_of(j).failed > 0;
    case "approval":
      return j.state === "approval";
    case "ended":
      return is_over(j);
    default:
      return true;
  }
}

const rank: Record<Job["state"], number> = { stopped: 0, approval: 1, running: 2, waiting: 3, suspended: 4, failed: 5, done: 5, cancelled: 5 };
const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const by_text = (a: string, b: string): number => collator.compare(a, b);
const newest = (a: string, b: string): number => (a < b ? 1 : a > b ? -1 : 0);

// What needs a person; then as the farm takes them: what runs, what waits by tier and priority; then what ended last.
function by_turn(a: Job, b: Job): number {
  const r = (rank[a.state] ?? 3) - (rank[b.state] ?? 3);
  if (r) return r;
  if (is_over(a)) return newest(a.ended ?? a.created, b.ended ?? b.created);
  return b.tier - a.tier || b.priority - a.priority || (a.id < b.id ? -1 : 1);
}

const compare: Record<Sort, (a: Job, b: Job) => number> = {
  turn: by_turn,
  name: (a, b) => by_text(a.title, b.title),
  by: (a, b) => by_text(a.by, b.by),
  state: (a, b) => (rank[a.state] ?? 3) - (rank[b.state] ?? 3) || by_text(a.state, b.state),
  part: (a, b) => part_of(a) - part_of(b),
  failed: (a, b) => counts_of(a).failed - counts_of(b).failed,
  priority: (a, b) => a.tier - b.tier || a.priority - b.priority,
  left: (a, b) => (a.left_s ?? Infinity) - (b.left_s ?? Infinity) || 0,
  created: (a, b) => newest(b.created, a.created),
};

export function ordered(jobs: Iterable<Job>, w: Wish): Job[] {
  const found = [...jobs].filter((j) => wanted(j, w));
  const way = w.order === "desc" ? -1 : 1;
  const by = compare[w.sort];
  return found.sort((a, b) => way * by(a, b) || by_turn(a, b));
}
