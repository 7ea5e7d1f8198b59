/*
 * app/jobs: the jobs that run or wait, kept live, for the activity button, the tiles and the farm.
 */
import type { Job, JobList } from "api-types";
import { computed, signal } from "@preact/signals";
import { get, is_aborted } from "./api";
import { subscribe } from "./events";
import { follow_runs } from "./runs";

export const active = signal<ReadonlyMap<string, Job>>(new Map());
// Jobs that ended in this sitting, newest first: what the activity list shows under the running ones.
export const ended_now = signal<readonly Job[]>([]);
export const active_total = signal(0);

const is_over = (j: Job): boolean => j.state === "done" || j.state === "failed" || j.state === "cancelled";
const is_active = (j: Job): boolean => j.state === "running" || j.state === "waiting";
export const active_list = computed<Job[]>(() => [...active.value.values()].sort((a, b) => Number(b.state === "running") - Number(a.state === "running") || b.priority - a.priority || (a.id < b.id ? -1 : 1)));
// The job of an asset that is under way, by asset.
export const by_asset = computed<ReadonlyMap<string, Job>>(() => {
  const map = new Map<string, Job>();
  for (const j of active.value.values()) if (j.asset && (j.state === "running" || !map.has(j.asset))) map.set(j.asset, j);
  return map;
});

let begun = false;
let pending: Job[] = [];
let frame = 0;

export function follow_jobs(): void {
  if (begun) return;
  begun = true;
  follow_runs();
  subscribe({
    kinds: ["job.changed"],
    hear: (news) => {
      const job = news.body as Job | null;
      if (job && typeof job.id === "string" && typeof job.state === "string") take_job(job);
    },
    caught_up: () => void load(),
  });
  void load();
}

// Many messages of one moment make one drawing.
export function take_job(job: Job): void {
  pending.push(job);
  if (!frame) frame = window.setTimeout(apply, 60);
}

function apply(): void {
  frame = 0;
  const map = new Map(active.value);
  const ended: Job[] = [];
  let change = 0;
  for (const job of pending) {
    const was = map.has(job.id);
    if (is_active(job)) {
      map.set(job.id, job);
      if (!was) change++;
    } else {
      if (map.delete(job.id)) change--;
      if (is_over(job)) ended.unshift(job);
    }
  }
  pending = [];
  active.value = map;
  active_total.value = Math.max(map.size, active_total.value + change);
  if (ended.length) {
    const seen = new Set<string>();
    ended_now.value = [...ended, ...ended_now.value].filter((j) => !seen.has(j.id) && seen.add(j.id)).slice(0, 50);
  }
}

async function load(): Promise<void> {
  try {
    const list = await get<JobList>("/jobs?state=active&limit=500");
    active.value = new Map(list.items.map((j) => [j.id, j]));
    active_total.value = Math.max(list.total, list.items.length);
  } catch (e) {
    if (!is_aborted(e)) return; // the list is asked for again when the socket has caught up
  }
}
