/*
 * farm/job_model: a job that is open, live: its steps, and the states of the tasks of the step that is looked at.
 *
 * News of the job are many while it runs. The tasks are asked for again at most once a second, and no sooner than
 * ten times as long as the last asking took: a step whose 100,000 states all differ is asked for rarely, a small one at once.
 */
import type { Problem, TaskAxis } from "api-types";
import { signal } from "@preact/signals";
import { get, is_aborted, problem_of } from "../app/api";
import { subscribe } from "../app/events";
import { is_over, type Attempt, type Job, type TaskRuns } from "./model";
import { UNKNOWN, axes_of, paint, states, type Axes } from "./runs";

const DONE = states.indexOf("done");
const LANDED_MOST = 12;

export class OpenJob {
  readonly job = signal<Job | null>(null);
  readonly problem = signal<Problem | null>(null);
  readonly known = signal<{ states: Uint8Array; step: number; turn: number }>({ states: new Uint8Array(0), step: 0, turn: 0 });
  readonly axes = signal<Axes>([]); // of the step that is looked at
  // Tasks that turned done last, newest first: the pictures that land.
  readonly landed = signal<readonly number[]>([]);

  private step = 0;
  private stop = new AbortController();
  private tasks_stop = new AbortController();
  private timer = 0;
  private busy = false;
  private due = false;
  private took_ms = 0;
  private end: () => void;

  constructor(readonly id: string) {
    this.end = subscribe({
      kinds: ["job.changed"],
      hear: (news) => {
        const job = news.body as Job | null;
        if (job?.id !== id) return;
        const was = this.job.value;
        this.job.value = { ...job, steps: job.steps ?? was?.steps, options: job.options ?? was?.options };
        this.soon();
      },
      caught_up: () => this.soon(),
    });
    void this.refresh();
  }

  close(): void {
    this.end();
    this.stop.abort();
    this.tasks_stop.abort();
    window.clearTimeout(this.timer);
  }

  // An answer of the house to an order.
  take(job: Job): void {
    this.job.value = { ...this.job.value, ...job, steps: job.steps ?? this.job.value?.steps };
    this.soon();
  }

  look_at(step: number): void {
    if (step === this.step) return;
    this.step = step;
    this.tasks_stop.abort();
    this.tasks_stop = new AbortController();
    this.landed.value = [];
    this.axes.value = [];
    this.known.value = { states: new Uint8Array(0), step, turn: 0 };
    this.busy = false;
    void this.load_axes(step);
    void this.load_newest(step);
    void this.load_tasks();
  }

  soon(): void {
    this.due = true;
    if (!this.timer) this.timer = window.setTimeout(() => void this.refresh(), Math.max(1000, this.took_ms * 10));
  }

  async refresh(): Promise<void> {
    this.timer = 0;
    this.due = false;
    const began = performance.now();
    try {
      this.job.value = await get<Job>(`/jobs/${this.id}`, { signal: this.stop.signal });
      this.problem.value = null;
    } catch (e) {
      if (!is_aborted(e)) this.problem.value = problem_of(e);
      return;
    }
    await this.load_tasks();
    this.took_ms = performance.now() - began;
    if (this.due && !this.timer) this.soon();
  }

  private async load_tasks(): Promise<void> {
    const step = this.job.value?.steps?.find((s) => s.number === this.step);
    if (!step || this.busy) return;
    this.busy = true;
    const { signal: stopped } = this.tasks_stop;
    const before = this.known.value;
    const now = new Uint8Array(step.tasks).fill(UNKNOWN);
    try {
      let from: number | null = 0;
      while (from !== null && from < step.tasks) {
        const part: TaskRuns = await get<TaskRuns>(`/jobs/${this.id}/steps/${step.number}/tasks?from=${from}`, { signal: stopped });
        paint(now, part.runs);
        from = part.next ?? null;
        // The first look fills in as it comes.
        if (before.states.length !== now.length) this.known.value = { states: now, step: step.number, turn: this.known.value.turn + 1 };
      }
      if (before.states.length === now.length) this.see_landed(before.states, now);
      this.known.value = { states: now, step: step.number, turn: this.known.value.turn + 1 };
    } catch (e) {
      if (is_aborted(e)) return;
      this.problem.value = problem_of(e);
    }
    this.busy = false;
  }

  // They never change. Without them tasks are called by their numbers.
  private async load_axes(step: number): Promise<void> {
    try {
      const axes = await get<TaskAxis[]>(`/jobs/${this.id}/steps/${step}/axes`, { signal: this.tasks_stop.signal });
      if (step === this.step) this.axes.value = axes_of(axes);
    } catch (e) {
      if (!is_aborted(e)) this.problem.value = problem_of(e);
    }
  }

  // What landed last, before one looked.
  private async load_newest(step: number): Promise<void> {
    try {
      const attempts = await get<Attempt[]>(`/jobs/${this.id}/attempts?limit=60`, { signal: this.tasks_stop.signal });
      if (step !== this.step) return;
      const found = attempts.filter((a) => a.state === "committed" && a.step === step).flatMap((a) => Array.from({ length: Math.min(LANDED_MOST, a.last - a.first + 1) }, (_, i) => a.last - i));
      this.landed.value = [...this.landed.value, ...found.filter((t) => !this.landed.value.includes(t))].slice(0, LANDED_MOST);
    } catch (e) {
      if (!is_aborted(e)) this.problem.value = problem_of(e);
    }
  }

  private see_landed(before: Uint8Array, now: Uint8Array): void {
    const found: number[] = [];
    for (let i = now.length - 1; i >= 0 && found.length < LANDED_MOST; i--) if (now[i] === DONE && before[i] !== DONE && before[i] !== UNKNOWN) found.push(i);
    if (found.length) this.landed.value = [...found, ...this.landed.value.filter((t) => !found.includes(t))].slice(0, LANDED_MOST);
  }

  over(): boolean {
    return this.job.value ? is_over(this.job.value) : false;
  }
}
