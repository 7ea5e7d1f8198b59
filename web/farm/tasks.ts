/*
 * farm/tasks: one task: its attempts, its values, what it made. A house that tells no single task is asked for the
 * attempts of the job, which say what tasks each was about.
 */
import { Refused, get, with_query } from "../app/api";
import type { Attempt, Task } from "./model";

const MOST = 1000;
const FRESH_MS = 1500;
let tells_tasks = true;
let last: { job: string; at: number; list: Promise<Attempt[]> } | null = null;

// The newest attempts of a job; asked for once when many want them at the same time.
export function attempts_of(job: string): Promise<Attempt[]> {
  if (last && last.job === job && Date.now() - last.at < FRESH_MS) return last.list;
  const list = get<Attempt[]>(with_query(`/jobs/${job}/attempts`, { limit: MOST }));
  last = { job, at: Date.now(), list };
  list.catch(() => (last = null));
  return list;
}

export async function read_task(job: string, step: number, number: number, signal: AbortSignal): Promise<Task> {
  if (tells_tasks)
    try {
      return await get<Task>(`/jobs/${job}/steps/${step}/tasks/${number}`, { signal });
    } catch (e) {
      if (!(e instanceof Refused && e.status === 404)) throw e;
      tells_tasks = false;
    }
  const all = await attempts_of(job);
  if (signal.aborted) throw new DOMException("aborted", "AbortError");
  return { number, values: {}, attempts: all.filter((a) => a.step === step && a.first <= number && number <= a.last), outputs: [] };
}
