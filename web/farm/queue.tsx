/*
 * farm/queue: all work of the house, or of a project, in one list: renders, and what is made of media that arrives.
 * Keyboard first; what is chosen is acted on together.
 */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { me } from "../app/session";
import { go, route, set_query, to } from "../app/router";
import { projects } from "../app/session";
import { nothing, pick, step, type Selection } from "../library/selection";
import { JobState } from "../parts/activity";
import { Button, CopyLine, Segments } from "../parts/button";
import { count_text, left_text, percent_text } from "../parts/format";
import { Icon } from "../parts/icons";
import { in_field, useKeys } from "../parts/keys";
import { menu_at } from "../parts/menu";
import { fold, folded } from "../parts/panel";
import { Empty, ProblemBox } from "../parts/problem";
import { Ago } from "../parts/time";
import { VirtualRows, type Rows } from "../parts/virtual";
import { acts, menu_of, run, suspend_or_resume } from "./acts";
import { Stack, Tabs } from "./look";
import { counts_of, filters, is_over, is_render, part_of, sorts, type Filter, type Job, type Sort, type Wish } from "./model";
import { JobPanel } from "./panel";
import { Queue } from "./queue_model";

const ROW = 28;
const READING_MS = 4000; // so long after the pointer moved over the list its rows stay where they are

const words: Record<Filter, string> = { all: "All", active: "Under way", waiting: "Waiting", failed: "Failed", approval: "To approve", ended: "Ended" };
const columns: { sort: Sort; name: string; class: string; first: "asc" | "desc" }[] = [
  { sort: "state", name: "State", class: "state", first: "asc" },
  { sort: "name", name: "Name", class: "name", first: "asc" },
  { sort: "by", name: "Owner", class: "by", first: "asc" },
  { sort: "part", name: "Tasks", class: "tasks", first: "desc" },
  { sort: "failed", name: "Failed", class: "failed right", first: "desc" },
  { sort: "priority", name: "Priority", class: "priority right", first: "desc" },
  { sort: "left", name: "Left", class: "left right", first: "asc" },
  { sort: "created", name: "Age", class: "age right", first: "desc" },
];

export function wish_of(): Wish {
  const { query: q, project } = route.value;
  const one = <T extends string>(list: readonly T[], said: string | undefined, other: T): T => list.find((x) => x === said) ?? other;
  return {
    project,
    filter: one(filters, q["state"], "all"),
    kind: one(["all", "render", "media"] as const, q["kind"], "all"),
    q: q["q"] ?? "",
    mine: q["mine"] ? (me.value?.person?.name ?? "") : null,
    sort: one(sorts, q["sort"], "turn"),
    order: one(["asc", "desc"] as const, q["order"], "asc"),
  };
}

export function QueueView() {
  const wish = wish_of();
  const wish_key = JSON.stringify(wish);
  const queue = useMemo(() => new Queue(wish), [wish.project]);
  useEffect(() => () => queue.close(), [queue]);
  useEffect(() => queue.want(wish), [queue, wish_key]);
  const rows = queue.rows.value;
  const turn = queue.turn.value;

  const [selection, select_only] = useState<Selection>(nothing);
  const [lost, set_lost] = useState(false); // the address names a job that is not in the list
  const list = useRef<Rows>(null);
  const search = useRef<HTMLInputElement>(null);
  const pointer_at = useRef(0);
  const id_at = (place: number): string | null => rows[place] ?? null;
  queue.hold = () => selection.ids.size > 0 || (list.current?.element?.scrollTop ?? 0) > 0 || Date.now() - pointer_at.current < READING_MS;

  const select = (s: Selection) => {
    select_only(s);
    const only = s.ids.size === 1 ? [...s.ids][0] : null;
    if ((route.value.query["job"] ?? null) !== (only ?? null)) set_query({ job: only ?? null }, { replace: true });
  };
  // The cursor stays on its job when the order is made anew; at first it stands where the address says.
  const cursor_id = useRef<string | null>(route.value.query["job"] ?? null);
  useEffect(() => {
    const id = cursor_id.current;
    if (!id || !queue.loaded.value) return;
    const place = rows.indexOf(id);
    if (place < 0) return set_lost(!queue.job(id));
    set_lost(false);
    if (place === selection.at) return;
    select_only((s) => ({ ids: s.ids.size ? s.ids : new Set([id]), at: place, from: place }));
    if (selection.at < 0) list.current?.scroll_to(place, "center");
  }, [rows, queue.loaded.value]);
  useEffect(() => {
    cursor_id.current = rows[selection.at] ?? cursor_id.current;
  }, [selection]);

  const chosen = useMemo(() => [...selection.ids].map((id) => queue.job(id)).filter((j): j is Job => j !== undefined), [selection, turn]);
  const cursor = queue.job(rows[selection.at] ?? "");
  const open = (j: Job | undefined) => j && go(is_render(j) || !j.asset || !j.project ? to.job(wish.project, j.id) : to.review(j.project, j.asset));

  const move = (place: number, how: { range?: boolean; more?: boolean }) => {
    select(pick(selection, place, how, id_at));
    list.current?.scroll_to(place);
  };
  const arrows = (e: KeyboardEvent) => {
    const page = Math.max(1, Math.floor((list.current?.element?.clientHeight ?? 280) / ROW) - 2);
    const next = step(selection.at, e.key, 1, page, rows.length);
    if (next === null) return false;
    move(next, { range: e.shiftKey });
    return true;
  };
  const why = () => {
    if (folded.right.value) fold("right");
    window.setTimeout(() => document.querySelector<HTMLElement>(".farm-side .why-part")?.focus(), 0);
  };
  const up_down = ["ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"];
  useKeys("Queue", [
    { keys: up_down, name: "Move", run: arrows, in_palette: false },
    { keys: up_down.map((k) => `Shift+${k}`), name: "Choose a range", run: arrows, in_palette: false },
    { keys: ["Ctrl+A"], name: "Choose all", run: () => select({ ids: new Set(rows), at: selection.at, from: selection.from }) },
    { keys: ["Escape"], name: "Choose nothing", run: () => { cursor_id.current = null; select(nothing); }, in_palette: false },
    { keys: ["Enter"], name: "Open the job", run: () => (cursor ? open(cursor) : false) },
    { keys: ["S"], name: "Suspend, or resume", run: () => void run(suspend_or_resume(chosen), chosen) },
    { keys: ["R"], name: "Requeue what failed", run: () => void run(acts.retry, chosen) },
    { keys: ["P"], name: "Approve the preview", run: () => void run(acts.approve, chosen) },
    { keys: ["+"], name: "Higher priority", run: () => void run(acts.raise, chosen) },
    { keys: ["-"], name: "Lower priority", run: () => void run(acts.lower, chosen) },
    { keys: ["Delete"], name: "Cancel", run: () => void run(acts.cancel, chosen) },
    { keys: ["W"], name: "Why does it not run?", run: () => (cursor ? why() : false) },
    { keys: ["/"], name: "Search", run: () => search.current?.focus() },
    ...filters.map((f, i) => ({ keys: [`Alt+${i + 1}`], name: `Show: ${words[f].toLowerCase()}`, run: () => set_query({ state: f === "all" ? null : f }, { replace: true }) })),
  ]);

  const sums = useMemo(() => {
    const sum = { running: 0, waiting: 0, you: 0, active: 0 };
    for (const j of queue.all()) {
      if (wish.project && j.project && j.project !== wish.project) continue;
      if (is_over(j)) continue;
      sum.active++;
      if (j.state === "running") sum.running++;
      if (j.state === "waiting") sum.waiting++;
      if (j.state === "approval" || j.state === "stopped") sum.you++;
    }
    return sum;
  }, [turn, rows]);

  const menu = (e: MouseEvent, place: number) => {
    const id = id_at(place);
    if (!id) return;
    let jobs = chosen;
    if (!selection.ids.has(id)) {
      select(pick(selection, place, {}, id_at));
      jobs = [queue.job(id)].filter((j): j is Job => j !== undefined);
    }
    menu_at(e, menu_of(jobs, { open: () => open(jobs[0]), why }), jobs.length === 1 ? jobs[0]?.title : `${jobs.length} jobs`);
  };
  const sort_by = (c: (typeof columns)[number]) => {
    const again = wish.sort === c.sort;
    if (again && wish.order !== c.first) return set_query({ sort: null, order: null }, { replace: true }); // the third press: the farm's own order
    set_query({ sort: c.sort, order: again ? (wish.order === "asc" ? "desc" : "asc") : c.first }, { replace: true });
  };
  const draw = (place: number) => {
    const job = queue.job(rows[place] ?? "");
    if (!job) return null;
    return (
      <Row
        job={job} place={place} on={selection.ids.has(job.id)} cursor={place === selection.at} all={!wish.project}
        pick={(e) => { if ((e as PointerEvent).pointerType === "touch") return open(job); list.current?.element?.focus({ preventScroll: true }); select(pick(selection, place, { range: e.shiftKey, more: e.ctrlKey || e.metaKey }, id_at)); }}
        open={() => open(job)} menu={(e) => menu(e, place)}
      />
    );
  };
  const filtered = wish.filter !== "all" || wish.kind !== "all" || wish.q !== "" || wish.mine !== null;
  return (
    <>
      <main class="farm">
        <div class="bar">
          <Tabs at="queue" />
          <span class="quiet mono cut" role="status">
            {queue.loaded.value ? `${count_text(sums.running)} running, ${count_text(sums.waiting)} waiting${sums.you ? `, ${count_text(sums.you)} for you` : ""}${queue.left.value ? `; ${count_text(queue.left.value)} more as you scroll` : ""}` : ""}
          </span>
          <label class="search">
            <Icon name="search" size={14} />
            <input ref={search} type="search" placeholder="Names, owners" aria-label="Search jobs" value={wish.q} onInput={(e) => set_query({ q: e.currentTarget.value || null }, { replace: true })} onKeyDown={(e) => { if (e.key === "Escape") { set_query({ q: null }, { replace: true }); e.currentTarget.blur(); } if (e.key === "ArrowDown") { e.currentTarget.blur(); e.preventDefault(); if (rows.length) move(0, {}); } }} />
          </label>
          <Button class="narrow-only" icon="panel_right" name="Facts of the job" look="plain" run={() => fold("right")} />
        </div>
        <div class="bar farm-filters">
          <Segments<Filter> name="Which jobs" value={wish.filter} pick={(v) => set_query({ state: v === "all" ? null : v }, { replace: true })} options={filters.map((f, i) => ({ value: f, label: words[f], hint: `${words[f]} (Alt ${i + 1})` }))} />
          <Segments name="Kind" value={wish.kind} pick={(v) => set_query({ kind: v === "all" ? null : v }, { replace: true })} options={[{ value: "all", label: "Any work" }, { value: "render", label: "Renders" }, { value: "media", label: "Media" }]} />
          <Button on={wish.mine !== null} run={() => set_query({ mine: wish.mine === null ? 1 : null }, { replace: true })}>Mine</Button>
          {queue.moved.value > 0 && <Button icon="sort_down" look="plain" name="Rows hold still while you read" run={() => queue.sort()}>{`Sort again: ${count_text(queue.moved.value)} moved`}</Button>}
        </div>
        {queue.problem.value && <ProblemBox problem={queue.problem.value} retry={() => void queue.load()} />}
        {lost && !in_field(document.activeElement) && <p class="quiet said">The job of this address is not in the list: it may have ended long ago. <a class="link" href={to.job(wish.project, cursor_id.current ?? "")}>Open it by its number</a></p>}
        {rows.length > 0 ? (
          <div class="farm-list">
            <VirtualRows
              rows={list}
              count={rows.length}
              row_height={ROW}
              row_key={(i) => rows[i] ?? i}
              draw={draw}
              look={(_, last) => { if (last >= rows.length - 40) void queue.more(); }}
              attributes={{ role: "grid", tabIndex: 0, "aria-label": "Jobs", "aria-multiselectable": true, "aria-rowcount": rows.length + 1, "aria-activedescendant": selection.at >= 0 ? `job-${selection.at}` : undefined, onPointerMove: () => { pointer_at.current = Date.now(); } }}
              head={
                <div class="farm-row farm-head" role="row" aria-rowindex={1}>
                  {columns.map((c) => (
                    <span key={c.sort} role="columnheader" class={c.class} aria-sort={c.sort === wish.sort ? (wish.order === "asc" ? "ascending" : "descending") : undefined}>
                      <button type="button" onClick={() => sort_by(c)}>{c.name}{c.sort === wish.sort && <Icon name={wish.order === "asc" ? "sort_up" : "sort_down"} size={12} />}</button>
                    </span>
                  ))}
                </div>
              }
            />
          </div>
        ) : !queue.loaded.value ? (
          queue.problem.value ? null : <div class="empty" aria-busy="true" />
        ) : filtered ? (
          <Empty title={wish.filter === "failed" ? "Nothing has failed" : wish.filter === "approval" ? "No preview waits for a yes" : "No job is like that"}>
            {wish.filter === "failed" ? <p>When a frame fails, what happened and the way out stand here.</p> : wish.filter === "approval" ? <p>A job that was sent with “approve” shows its first frames here before it takes the farm.</p> : null}
            <Button run={() => set_query({ state: null, kind: null, q: null, mine: null })}>Show all jobs</Button>
          </Empty>
        ) : (
          <Teach project={wish.project} />
        )}
      </main>
      <JobPanel jobs={chosen} why={why} open={open} />
    </>
  );
}

function Row({ job, place, on, cursor, all, pick: choose, open, menu }: { job: Job; place: number; on: boolean; cursor: boolean; all: boolean; pick: (e: MouseEvent) => void; open: () => void; menu: (e: MouseEvent) => void }) {
  const c = counts_of(job);
  const bad = job.state === "failed" || job.state === "stopped";
  return (
    <div id={`job-${place}`} class={`farm-row${on ? " chosen" : ""}${cursor ? " cursor" : ""}${is_over(job) ? " over" : ""}`} role="row" aria-rowindex={place + 2} aria-selected={on} onClick={choose} onDblClick={open} onContextMenu={menu}>
      <span role="gridcell" class="state"><JobState job={job} /></span>
      <span role="gridcell" class="name cut" title={job.title}>
        <a class="cut" href={is_render(job) ? to.job(all ? null : job.project, job.id) : undefined} tabIndex={-1} onClick={(e) => { if (!e.ctrlKey && !e.metaKey && !e.shiftKey) e.preventDefault(); }}>{job.title}</a>
        {all && <span class="quiet cut project">{projects.value.find((p) => p.id === job.project)?.name}</span>}
      </span>
      <span role="gridcell" class="by quiet cut" title={job.by}>{job.by}</span>
      <span role="gridcell" class="tasks"><Stack counts={c} name={job.title} /><span class="mono">{percent_text(part_of(job))}</span></span>
      <span role="gridcell" class={`failed mono right${c.failed || bad ? " bad" : ""}`}>{c.failed ? count_text(c.failed) : ""}</span>
      <span role="gridcell" class="priority mono right" title={`Priority ${job.priority} within tier ${job.tier}; a higher tier goes first`}>{job.tier === 2 || !is_render(job) ? "" : <b>T{job.tier} </b>}{job.priority}</span>
      <span role="gridcell" class="left mono right">{job.left_s && !is_over(job) ? left_text(job.left_s) : ""}</span>
      <span role="gridcell" class="age quiet right"><Ago at={job.ended ?? job.created} /></span>
    </div>
  );
}

function Teach({ project }: { project: string | null }) {
  return (
    <Empty title="The farm is idle">
      <p>Send a scene from a terminal: its frames are rendered by every machine that has the program, and what fails says why.</p>
      <CopyLine text={`posthouse submit scene.blend --frames 1-100${project ? ` --project ${project}` : ""}`} />
      <p>Or from inside of Blender, Maya, Houdini and Nuke, with the submitters in <code>addons/</code>. What is made of media that arrives (facts, proxies) stands here, too.</p>
      <p>A machine joins the farm with one line:</p>
      <CopyLine text={`posthouse work --house ${location.origin} --token-file TOKEN`} />
    </Empty>
  );
}
