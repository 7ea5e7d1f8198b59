/*
 * farm/queue_model: the jobs that the queue shows, live, in an order that holds still while somebody reads.
 *
 * All that is not over is loaded; what has ended comes by pages as one scrolls to it. News change rows where
 * they stand. The order is made anew when the wish changes, and by itself only while `hold` says that nobody
 * is in the middle of the list; else `moved` counts the rows that would stand elsewhere, for a button.
 */
import type { JobList, Problem } from "api-types";
import { signal } from "@preact/signals";
import { get, is_aborted, problem_of, with_query } from "../app/api";
import { subscribe } from "../app/events";
import { each } from "./each";
import { is_over, is_render, ordered, wanted, type Job, type Wish } from "./model";

const PAGE = 500;
const NEWS_MS = 250;
const SEEN_MS = 1500; // between two looks at the rows that are seen
const SEEN_MOST = 16; // of them at once

export class Queue {
  readonly rows = signal<readonly string[]>([]);
  readonly turn = signal(0); // counts up whenever a job has changed
  readonly moved = signal(0);
  readonly loaded = signal(false);
  readonly problem = signal<Problem | null>(null);
  readonly ended_total = signal<number | null>(null);
  hold: () => boolean = () => false;

  private jobs = new Map<string, Job>();
  private wish: Wish;
  private ended_next: string | null | undefined; // undefined: not asked yet
  private asking = false;
  private heard = new Map<string, Job>();
  private timer = 0;
  private stop = new AbortController();
  private seen: readonly string[] = [];
  private stale = new Set<string>(); // renders whose news told no steps
  private seen_timer = 0;
  private end: () => void;

  constructor(wish: Wish) {
    this.wish = wish;
    this.end = subscribe({
      project: wish.project ?? undefined,
      kinds: ["job.changed"],
      hear: (news) => {
        const job = news.body as Job | null;
        if (job && typeof job.id === "string") this.take(job);
      },
      caught_up: () => void this.load(),
    });
    void this.load();
  }

  close(): void {
    this.end();
    this.stop.abort();
    window.clearTimeout(this.timer);
    window.clearTimeout(this.seen_timer);
  }

  job(id: string): Job | undefined {
    return this.jobs.get(id);
  }
  all(): Iterable<Job> {
    return this.jobs.values();
  }

  want(wish: Wish): void {
    this.wish = wish;
    this.sort();
    this.more_if_short();
  }

  // What the house said of a job; many of one moment are drawn once.
  take(job: Job): void {
    this.heard.set(job.id, job);
    if (!this.timer) this.timer = window.setTimeout(() => this.apply(), NEWS_MS);
  }

  sort(): void {
    this.rows.value = ordered(this.jobs.values(), this.wish).map((j) => j.id);
    this.moved.value = 0;
  }

  // Which rows are on the screen: of those the tasks' states are asked for, where the list or the news told sums only.
  see(first: number, last: number): void {
    this.seen = this.rows.value.slice(first, last + 1);
    if (!this.seen_timer) this.seen_timer = window.setTimeout(() => void this.refresh_seen(), 200);
  }

  private async refresh_seen(): Promise<void> {
    const wanted = document.hidden ? [] : this.seen.filter((id) => {
      const j = this.jobs.get(id);
      return j !== undefined && is_render(j) && (!j.steps || this.stale.has(id));
    }).slice(0, SEEN_MOST);
    for (const id of wanted) this.stale.delete(id);
    await each(wanted, async (id) => {
      const job = await get<Job>(`/jobs/${id}`, { signal: this.stop.signal });
      this.take({ ...job, steps: job.steps ?? [] });
    });
    this.seen_timer = this.stop.signal.aborted ? 0 : window.setTimeout(() => void this.refresh_seen(), SEEN_MS);
  }

  // The next page of what has ended.
  async more(): Promise<void> {
    if (this.asking || this.ended_next === null || this.wish.filter === "active" || this.wish.filter === "waiting" || this.wish.filter === "approval") return;
    this.asking = true;
    try {
      const list = await get<JobList>(with_query("/jobs", { project: this.wish.project, state: "ended", limit: PAGE, cursor: this.ended_next }), { signal: this.stop.signal });
      for (const j of list.items) if (!this.jobs.has(j.id)) this.jobs.set(j.id, j);
      this.ended_next = list.cursor ?? null;
      this.ended_total.value = list.total;
      // What has ended longer ago stands below: adding it moves nothing that is read.
      this.sort();
    } catch (e) {
      if (!is_aborted(e)) this.problem.value = problem_of(e);
    }
    this.asking = false;
    this.more_if_short();
  }

  async load(): Promise<void> {
    try {
      const found = new Map<string, Job>();
      let cursor: string | null = null;
      do {
        const list: JobList = await get<JobList>(with_query("/jobs", { project: this.wish.project, state: "active", limit: 1000, cursor }), { signal: this.stop.signal });
        for (const j of list.items) found.set(j.id, j);
        cursor = list.cursor ?? null;
      } while (cursor);
      // A list may tell sums only: the steps that are known stand until they are told anew.
      for (const [id, j] of found) {
        const steps = this.jobs.get(id)?.steps;
        if (!j.steps && steps) found.set(id, { ...j, steps });
        if (!j.steps) this.stale.add(id);
      }
      for (const [id, j] of this.jobs) if (is_over(j) && !found.has(id)) found.set(id, j);
      this.jobs = found;
      this.problem.value = null;
      this.loaded.value = true;
      this.turn.value++;
      this.settle();
      if (this.ended_next === undefined) await this.more();
    } catch (e) {
      if (!is_aborted(e)) this.problem.value = problem_of(e);
    }
  }

  private apply(): void {
    this.timer = 0;
    for (const [id, job] of this.heard) {
      const was = this.jobs.get(id);
      if (this.ended_total.value !== null && is_over(job) !== (was ? is_over(was) : false)) this.ended_total.value += is_over(job) ? 1 : -1;
      // News may tell the sums only: the steps that are known stand until they are told anew.
      this.jobs.set(id, job.steps || !was?.steps ? job : { ...job, steps: was.steps });
      if (!job.steps) this.stale.add(id);
    }
    this.heard.clear();
    this.turn.value++;
    this.settle();
  }

  // In order at once when nobody reads in the middle; else the rows stay, and what would move is counted.
  private settle(): void {
    const now = this.rows.value;
    if (!now.length || !this.hold()) return this.sort();
    const next = ordered(this.jobs.values(), this.wish);
    let moved = Math.max(0, next.length - now.length);
    for (let i = 0; i < now.length; i++) if (next[i]?.id !== now[i]) moved++;
    this.moved.value = Math.min(moved, next.length);
  }

  // A filter may leave so few of what is loaded that nobody would scroll for more.
  private more_if_short(): void {
    if (this.ended_next && this.rows.value.length < 60 && this.jobs.size < 20_000) void this.more();
  }

  wants(job: Job): boolean {
    return wanted(job, this.wish);
  }
}
