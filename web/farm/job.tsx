/*
 * farm/job: one job: its steps, the grid of its frames, what a frame's attempts did and wrote, previews to approve.
 */
import type { Problem } from "api-types";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { is_aborted, post, problem_of } from "../app/api";
import { take_job } from "../app/jobs";
import { route, set_query, to } from "../app/router";
import { JobState } from "../parts/activity";
import { Button, CopyButton, Segments } from "../parts/button";
import { ask } from "../parts/dialog";
import { count_text, left_text, length_text, percent_text, plural, sentence } from "../parts/format";
import { Icon } from "../parts/icons";
import { useKeys } from "../parts/keys";
import { menu_at } from "../parts/menu";
import { Panel, fold, folded } from "../parts/panel";
import { Empty, ProblemBox } from "../parts/problem";
import { Ago } from "../parts/time";
import { acts, may_edit, run, say_result, suspend_or_resume } from "./acts";
import { each } from "./each";
import { Grid, SIZES } from "./grid";
import { OpenJob } from "./job_model";
import { Log } from "./log";
import { Stack, Why } from "./look";
import { counts_of, due_of, is_over, money_of, part_of, type Attempt, type Job, type Step, type Task } from "./model";
import { Buttons, JobFacts, Numbers } from "./panel";
import { read_task } from "./tasks";
import { all_in, is_frames, name_of, ranges_of, short_name_of, size_of, states, text_of, type Ranges } from "./runs";

const MOST_ORDERS = 500; // one a range; more are not typed by a person but chosen by "all failed", which has an order of its own

const number_in = (said: string | undefined): number | null => (said && /^\d+$/.test(said) ? Number(said) : null);

export function JobView({ id }: { id: string }) {
  const open = useMemo(() => new OpenJob(id), [id]);
  useEffect(() => () => open.close(), [open]);
  const job = open.job.value;
  const project = route.value.project;
  if (!job)
    return (
      <main class="farm">
        <div class="bar"><a class="button plain" href={to.farm(project)}><Icon name="left" /> Queue</a></div>
        {open.problem.value ? <Empty title="The job can not be shown"><ProblemBox problem={open.problem.value} retry={() => void open.refresh()} /></Empty> : <div class="empty" aria-busy="true" />}
      </main>
    );
  return <Shown open={open} job={job} />;
}

function Shown({ open, job }: { open: OpenJob; job: Job }) {
  const r = route.value;
  const steps = job.steps ?? [];
  const wish = number_in(r.query["step"]);
  const step = steps.find((s) => s.number === wish) ?? steps.find((s) => s.running || s.failed) ?? steps.find((s) => s.ready) ?? steps[0];
  const task = number_in(r.query["task"]);
  const [wide, set_wide] = useState(false);
  useEffect(() => {
    if (step) open.look_at(step.number);
  }, [step?.number, steps.length]);
  const name = (n: number): string => name_of(open.axes.value, n);
  const choose = (n: number | null) => {
    if (n !== null && folded.right.value) fold("right");
    set_query({ task: n, step: step ? step.number : null }, { replace: true });
  };
  const list = [job];
  useKeys("Job", [
    { keys: ["S"], name: "Suspend, or resume", run: () => void run(suspend_or_resume(list), list).then(() => open.soon()) },
    { keys: ["P"], name: "Approve the preview", run: () => void run(acts.approve, list).then(() => open.soon()) },
    { keys: ["+"], name: "Higher priority", run: () => void run(acts.raise, list) },
    { keys: ["-"], name: "Lower priority", run: () => void run(acts.lower, list) },
    { keys: ["Backspace"], name: "Back to the queue", run: () => history.back() },
    ...(steps.length > 1
      ? [
          { keys: ["Alt+ArrowDown"], name: "Next step", run: () => step_by(1) },
          { keys: ["Alt+ArrowUp"], name: "Step before", run: () => step_by(-1) },
        ]
      : []),
  ]);
  const step_by = (by: number) => {
    const to_step = steps[steps.findIndex((s) => s.number === step?.number) + by];
    if (to_step) set_query({ step: to_step.number, task: null }, { replace: true });
  };
  const c = counts_of(job);
  const due = due_of(job, Date.now());
  const money = money_of(job);
  return (
    <>
      <main class="farm">
        <div class="bar job-head">
          <a class="button plain icon" href={`${to.farm(r.project)}?job=${job.id}`} title="Back to the queue" aria-label="Back to the queue"><Icon name="left" /></a>
          <h1 class="cut bar-title" title={job.title}>{job.title}</h1>
          <JobState job={job} />
          <span class="gap" />
          <Buttons jobs={list} />
          <Button class="narrow-only" icon="panel_right" name="Facts and attempts" look="plain" run={() => fold("right")} />
        </div>
        <div class="job-sum">
          <Stack counts={c} name={job.title} />
          <span class="mono strong">{percent_text(part_of(job))}</span>
          {job.left_s && job.state === "running" ? <span class="mono">{left_text(job.left_s)} left</span> : null}
          {due && <span class={due.late ? "mono bad" : "mono"}>{due.text}</span>}
          {money && <span class={money.over ? "mono bad" : "mono"}>{money.text}</span>}
          <Numbers counts={c} />
        </div>
        {steps.length > 1 && <Steps steps={steps} at={step?.number ?? 0} pick={(n) => set_query({ step: n, task: null }, { replace: true })} />}
        {open.problem.value && <ProblemBox problem={open.problem.value} retry={() => void open.refresh()} />}
        {step && <Strip open={open} job={job} step={step} name={name} choose={choose} />}
        {step ? <Frames key={step.number} open={open} job={job} step={step} name={name} task={task} choose={choose} hidden={wide && task !== null} /> : <Empty title={job.state === "waiting" ? "Its tasks are being written down" : "It has no tasks of its own"} />}
        {wide && task !== null && step && <TaskSide key={`${step.number}/${task}`} open={open} job={job} step={step} task={task} name={name} wide widen={() => set_wide(false)} choose={choose} />}
      </main>
      {!(wide && task !== null) && (
        <Panel side="right" name="Frame" width={420} min={280} max={900}>
          {task !== null && step ? (
            <TaskSide key={`${step.number}/${task}`} open={open} job={job} step={step} task={task} name={name} wide={false} widen={() => set_wide(true)} choose={choose} />
          ) : (
            <div class="side farm-side" tabIndex={0} role="region" aria-label="The job">
              {!is_over(job) && <section class="why-part"><h3>{c.running ? "How it goes" : "Why it does not run"}</h3><Why job={job} /></section>}
              {job.problem && <ProblemBox problem={job.problem} />}
              <Assets job={job} />
              {step && step.failed > 0 && <Errors open={open} job={job} step={step} name={name} choose={choose} />}
              <JobFacts job={job} />
              <p class="quiet">Choose a frame to see its attempts and its log. In the grid: arrows move, <kbd>Shift</kbd> chooses a range, <kbd>F</kbd> goes to the next that failed, <kbd>Enter</kbd> opens.</p>
            </div>
          )}
        </Panel>
      )}
    </>
  );
}

// What of it is in the library.
function Assets({ job }: { job: Job }) {
  const list = job.assets ?? [];
  if (list.length === 0) return null;
  return (
    <section>
      <h3>In the library</h3>
      <ul>
        {list.map((a) => (
          <li key={a.name}>
            {a.asset ? <a class="link" href={to.review(job.project, a.asset)}>{a.name}</a> : <span>{a.name}: {a.state === "waiting" ? "its frames are gathered" : a.state}</span>}
            {a.movie && <> · <a class="link" href={to.review(job.project, a.movie)}>movie</a></>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Steps({ steps, at, pick }: { steps: Step[]; at: number; pick: (n: number) => void }) {
  return (
    <div class="job-steps" role="group" aria-label="Steps">
      {steps.map((s) => (
        <button key={s.number} type="button" aria-pressed={s.number === at} onClick={() => pick(s.number)}>
          <span class="cut name">{s.name}</span>
          <Stack counts={{ ...s, total: s.tasks }} name={s.name} />
          <span class="mono">{count_text(s.done)} of {count_text(s.tasks)}</span>
          <span class={`mono ${s.failed ? "bad" : "quiet"}`}>{s.failed ? `${count_text(s.failed)} failed` : s.running ? `${count_text(s.running)} running` : s.done + s.cancelled >= s.tasks ? "over" : s.ready ? "ready" : "waits for others"}</span>
          <span class="mono quiet">{s.mean_ms ? `${length_text(s.mean_ms / 1000)} each` : ""}</span>
        </button>
      ))}
    </div>
  );
}

const is_frame = (open: OpenJob): boolean => is_frames(open.axes.value);
const word_of = (open: OpenJob): string => (is_frame(open) ? "frame" : "task");
const Word_of = (open: OpenJob): string => (is_frame(open) ? "Frame" : "Task");

function Frames({ open, job, step, name, task, choose, hidden }: { open: OpenJob; job: Job; step: Step; name: (n: number) => string; task: number | null; choose: (n: number | null) => void; hidden: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const room = useRef<HTMLDivElement>(null);
  const grid = useRef<Grid | null>(null);
  const [ranges, set_ranges] = useState<Ranges>([]);
  const [cursor, set_cursor] = useState(-1);
  const [hover, set_hover] = useState<number | null>(null);
  const [size, set_size] = useState(0);
  const [typing, set_typing] = useState<string | null>(null);
  const typed_into = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => typed_into.current?.focus(), [typing === null]);
  const menu = useRef<(e: MouseEvent) => void>(() => undefined);
  const chosen = useRef(choose);
  chosen.current = choose;
  const { states: known, turn, step: of_step } = open.known.value;
  useEffect(() => {
    if (!box.current || !canvas.current || !room.current) return;
    const made = new Grid(box.current, canvas.current, room.current, {
      hover: set_hover,
      choose: (n) => chosen.current(n),
      selected: (r, at) => {
        set_ranges(r);
        set_cursor(at);
      },
      menu: (e) => menu.current(e),
      zoomed: set_size,
    });
    grid.current = made;
    return () => made.close();
  }, []);
  useEffect(() => {
    if (of_step !== step.number) return;
    grid.current?.set(known, (n) => short_name_of(open.axes.value, n));
    if (task !== null && cursor < 0) grid.current?.at(task);
  }, [known, turn, open.axes.value]);

  const count = size_of(ranges);
  const what = count === 1 ? `${Word_of(open)} ${name(ranges[0]?.[0] ?? 0)}` : plural(count, word_of(open));
  const order = async (act: "requeue" | "cancel") => {
    const past = act === "requeue" ? "Requeued" : "Cancelled";
    if (!count) return;
    const whole = ranges.length === 1 && count === step.tasks;
    if (ranges.length > MOST_ORDERS) return;
    if ((act === "cancel" || whole) && !(await ask({ title: `${act === "cancel" ? "Cancel" : "Requeue"} ${what} of ${step.name}?`, text: act === "cancel" ? `${text_of(ranges, name, 12)}: those that are not done will not be made.` : `${text_of(ranges, name, 12)}: finished frames are made again, too.`, yes: act === "cancel" ? "Cancel them" : "Requeue them", danger: act === "cancel" }))) return;
    const refused = await each(ranges, async ([first, last]) => {
      const answer = await post<Job>(`/jobs/${job.id}/steps/${step.number}/${act}`, { first, last });
      open.take(answer);
      take_job(answer);
    });
    say_result(past, () => what.toLowerCase(), refused.length ? ranges.length : count, refused.map((x) => ({ name: text_of([x.one], name), why: x.why })));
  };
  const edit = may_edit(job);
  menu.current = (e) =>
    menu_at(e, [
      { name: "Attempts and log", icon: "log", keys: "Enter", disabled: cursor < 0, run: () => choose(cursor) },
      "line",
      { name: `Requeue ${what.toLowerCase()}`, icon: "retry", keys: "R", disabled: !edit || !count, run: () => void order("requeue") },
      { name: `Cancel ${what.toLowerCase()}`, icon: "close", keys: "Delete", danger: true, disabled: !edit || !count, run: () => void order("cancel") },
      "line",
      { name: "Choose all that failed", icon: "alert", disabled: !step.failed, run: () => choose_failed() },
    ], what);
  const choose_failed = () => grid.current?.select(all_in(known, "failed"));
  const typed = (text: string) => {
    const found = ranges_of(text, known.length, open.axes.value);
    if (!found) return false;
    grid.current?.select(found);
    return true;
  };
  useKeys("Frames", [
    { keys: ["R"], name: "Requeue what is chosen; without a choice, what failed", run: () => (count ? void order("requeue") : void run(acts.retry, [job]).then(() => open.soon())) },
    { keys: ["Delete"], name: "Cancel what is chosen; without a choice, the job", run: () => (count ? void order("cancel") : void run(acts.cancel, [job]).then(() => open.soon())) },
    { keys: ["G"], name: "Type frames to choose", run: () => set_typing("") },
    { keys: ["Shift+F"], name: "Choose all that failed", run: choose_failed },
    { keys: ["F"], name: "Next frame that failed", run: () => { box.current?.focus({ preventScroll: true }); grid.current?.next_failed(); } },
    { keys: ["Ctrl+ArrowUp"], name: "Larger cells", run: () => grid.current?.zoom(1) },
    { keys: ["Ctrl+ArrowDown"], name: "Smaller cells", run: () => grid.current?.zoom(-1) },
    { keys: ["0"], name: "All cells at once", run: () => grid.current?.zoom(0) },
    { keys: ["Escape"], name: "Choose nothing", run: () => { grid.current?.select([]); choose(null); }, in_palette: false },
  ]);
  const pointed = hover ?? (cursor >= 0 ? cursor : null);
  return (
    <div class="frames" hidden={hidden}>
      <div class="frames-bar">
        <span class="mono cut" aria-live="polite">{count > 0 ? <>{plural(count, word_of(open))}: {text_of(ranges, name, 6)}</> : <span class="quiet">{plural(step.tasks, word_of(open))} of {step.name}</span>}</span>
        <span class="gap" />
        {count > 0 && edit && <>
          <Button icon="retry" keys="R" disabled={ranges.length > MOST_ORDERS} name={ranges.length > MOST_ORDERS ? "So many pieces: use “Requeue failed” of the job" : "Requeue what is chosen"} run={() => void order("requeue")}>Requeue</Button>
          <Button icon="close" look="plain" keys="Delete" disabled={ranges.length > MOST_ORDERS} name="Cancel what is chosen" run={() => void order("cancel")}>Cancel</Button>
        </>}
        {step.failed > 0 && <Button look="plain" icon="alert" keys="Shift F" name="Choose all that failed" run={choose_failed}>{`${count_text(step.failed)} failed`}</Button>}
        {typing === null ? (
          <Button look="plain" keys="G" name="Type frames to choose" icon="pencil" run={() => set_typing("")} />
        ) : (
          <input class="input typed" ref={typed_into} aria-label="Frames to choose, such as 1001-1010, 1020" placeholder="1001-1010, 1020" value={typing} onInput={(e) => set_typing(e.currentTarget.value)} onKeyDown={(e) => { if (e.key === "Enter") { e.currentTarget.setAttribute("aria-invalid", String(!typed(typing))); box.current?.focus(); } else if (e.key !== "Escape") return; if (e.key === "Escape" || typed(typing)) set_typing(null); e.preventDefault(); e.stopPropagation(); }} />
        )}
        <Segments name="Size of the cells" value="" pick={(v) => grid.current?.zoom(v === "in" ? 1 : v === "out" ? -1 : 0)} options={[{ value: "out", label: "−", hint: "Smaller cells (Ctrl ↓)" }, { value: "fit", label: "Fit", hint: "All at once (0)" }, { value: "in", label: "+", hint: "Larger cells (Ctrl ↑)" }]} />
      </div>
      <div ref={box} class="grid-box" tabIndex={0} role="application" aria-roledescription="grid of frames" aria-label={`Frames of ${step.name}`} aria-describedby="frame-says">
        <div ref={room} class="grid-room"><canvas ref={canvas} aria-hidden="true" data-cell={size} data-sizes={SIZES.length} /></div>
      </div>
      <Says open={open} job={job} step={step} task={pointed} name={name} />
    </div>
  );
}

// The line under the grid: what the frame under the pointer, or the cursor, is.
function Says({ open, job, step, task, name }: { open: OpenJob; job: Job; step: Step; task: number | null; name: (n: number) => string }) {
  const [seen, set_seen] = useState<Task | null>(null);
  const state = task === null ? undefined : states[open.known.value.states[task] ?? states.length];
  useEffect(() => {
    if (task === null) return;
    const stop = new AbortController();
    const wait = window.setTimeout(() => void read_task(job.id, step.number, task, stop.signal).then(set_seen, () => undefined), 150);
    return () => {
      window.clearTimeout(wait);
      stop.abort();
    };
  }, [task, state]);
  const t = seen && seen.number === task ? seen : null;
  return (
    <div id="frame-says" class="frame-says mono">
      {task === null ? (
        <span class="legend">{states.map((s) => <span key={s}><i class={`swatch s-${s}`} /> {s}</span>)}</span>
      ) : (
        <>
          <span class="strong">{Word_of(open)} {name(task)}</span>
          <span><i class={`swatch s-${state ?? "unknown"}`} /> {state ?? "not told yet"}</span>
          {t && <span>{t.attempts.length ? plural(t.attempts.length, "attempt") : "no attempt yet"}</span>}
          {t?.attempts[0] && <span>{t.attempts[0].worker}</span>}
          {t?.attempts[0]?.problem && <span class="bad cut">{t.attempts[0].problem.title}</span>}
        </>
      )}
    </div>
  );
}

function TaskSide({ open, job, step, task, name, wide, widen, choose }: { open: OpenJob; job: Job; step: Step; task: number; name: (n: number) => string; wide: boolean; widen: () => void; choose: (n: number | null) => void }) {
  const [seen, set_seen] = useState<Task | null>(null);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [picked, pick] = useState<string | null>(null);
  const [turn, again] = useState(0);
  const state = states[open.known.value.states[task] ?? states.length];
  useEffect(() => {
    const stop = new AbortController();
    read_task(job.id, step.number, task, stop.signal).then(
      (t) => {
        set_seen(t);
        set_wrong(null);
      },
      (e: unknown) => !is_aborted(e) && set_wrong(problem_of(e)),
    );
    return () => stop.abort();
  }, [task, state, turn]);
  const attempt = seen?.attempts.find((a) => a.attempt === picked) ?? seen?.attempts[0];
  const values = Object.entries(seen?.values ?? {});
  const edit = may_edit(job);
  const order = (act: "requeue" | "cancel") => async () => {
    const refused = await each([task], async (n) => {
      const answer = await post<Job>(`/jobs/${job.id}/steps/${step.number}/${act}`, { first: n, last: n });
      open.take(answer);
    });
    say_result(act === "requeue" ? "Requeued" : "Cancelled", () => `${word_of(open)} ${name(task)}`, 1, refused.map((x) => ({ name: `${Word_of(open)} ${name(task)}`, why: x.why })));
    again((n) => n + 1);
  };
  return (
    <div class={`task-side${wide ? " wide" : ""}`}>
      <div class="task-head">
        <h2>{Word_of(open)} {name(task)}</h2>
        <span class="state-word"><i class={`swatch s-${state ?? "unknown"}`} /> {state ?? "not told yet"}</span>
        <span class="gap" />
        {edit && <Button icon="retry" look="plain" name="Requeue this frame" run={() => void order("requeue")()}>Requeue</Button>}
        {edit && state !== "done" && state !== "cancelled" && <Button icon="close" look="plain" name="Do not make this frame" run={() => void order("cancel")()} />}
        <Button icon="left" look="plain" name="Back to the job" keys="Esc" run={() => choose(null)} />
      </div>
      {wrong && <ProblemBox problem={wrong} retry={() => again((n) => n + 1)} />}
      {!seen && !wrong && <div aria-busy="true"><div class="skeleton bar" /><div class="skeleton bar" /></div>}
      {seen && (
        <>
          {!wide && (
            <div class="task-facts" tabIndex={0}>
              {seen.outputs.some((o) => o.url) && <div class="task-pictures">{seen.outputs.map((o) => o.url && <img key={o.path} src={o.url} alt={`Frame ${name(task)}`} title={o.path} loading="lazy" />)}</div>}
              {seen.outputs.length > 0 && <div class="with-copy"><code class="cut" title={seen.outputs[0]?.path}>{seen.outputs[0]?.path}</code><CopyButton text={seen.outputs.map((o) => o.path).join("\n")} name="Copy the path" /></div>}
              {values.length > 1 && <p class="quiet mono cut">{values.map(([k, v]) => `${k} ${String(v)}`).join(" · ")}</p>}
              {!seen.attempts.length && <p class="quiet">{state === "waiting" ? (step.ready ? "No machine has taken it yet." : "It waits for what it depends on.") : state === "done" ? "It is done; its attempts are not among those that are kept." : "No attempt is kept of it."}</p>}
            </div>
          )}
          {seen.attempts.length > 0 && <Attempts list={seen.attempts} at={attempt?.attempt ?? ""} pick={pick} />}
          {attempt?.problem && <ProblemBox problem={attempt.problem} />}
          {attempt && <Log key={attempt.attempt} address={`/jobs/${job.id}/attempts/${attempt.token}/log`} live={attempt.state === "running"} wide={wide} widen={widen} name={`Log of ${word_of(open)} ${name(task)} on ${attempt.worker}`} />}
        </>
      )}
    </div>
  );
}

function Attempts({ list, at, pick }: { list: Attempt[]; at: string; pick: (id: string) => void }) {
  const look: Record<string, string> = { committed: "good", running: "busy", failed: "bad", lost: "note" };
  const words: Record<string, string> = { committed: "done", dropped: "taken back", stale: "too late" };
  return (
    <div class="attempts" role="group" aria-label="Attempts">
      {list.map((a, i) => (
        <button key={a.attempt} type="button" aria-pressed={a.attempt === at} onClick={() => pick(a.attempt)}>
          <span class="mono quiet">{list.length - i}</span>
          <span class={look[a.state] ?? "quiet"}>{words[a.state] ?? a.state}</span>
          <span class="cut">{a.worker}</span>
          <span class="quiet"><Ago at={a.began} /></span>
          <span class="mono right">{a.ended ? length_text((Date.parse(a.ended) - Date.parse(a.began)) / 1000) : "runs"}</span>
        </button>
      ))}
    </div>
  );
}

// What the last few of those that failed say; one line for the same words.
function Errors({ open, job, step, name, choose }: { open: OpenJob; job: Job; step: Step; name: (n: number) => string; choose: (n: number) => void }) {
  const { states: known, turn, step: of_step } = open.known.value;
  const failed = useMemo(() => (of_step === step.number ? all_in(known, "failed").slice(-4).map(([, b]) => b) : []), [turn, of_step]);
  const [said, set_said] = useState<{ task: number; problem: Problem }[]>([]);
  useEffect(() => {
    const stop = new AbortController();
    const found: typeof said = [];
    void each(failed, async (n) => {
      const t = await read_task(job.id, step.number, n, stop.signal);
      const problem = t.attempts.find((a) => a.problem)?.problem;
      if (problem && !found.some((f) => f.problem.detail === problem.detail)) found.push({ task: n, problem });
    }).then(() => !stop.signal.aborted && set_said(found));
    return () => stop.abort();
  }, [failed.join()]);
  if (!said.length) return null;
  return (
    <section>
      <h3>Last errors</h3>
      <ul class="errors">
        {said.map((s) => (
          <li key={s.task}>
            <button type="button" onClick={() => choose(s.task)}><span class="mono">{name(s.task)}</span> {s.problem.title}</button>
            <p class="quiet">{sentence(s.problem.detail)}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}

// Pictures of frames: those to approve, or those that landed while one looks.
function Strip({ open, job, step, name, choose }: { open: OpenJob; job: Job; step: Step; name: (n: number) => string; choose: (n: number) => void }) {
  const approval = job.state === "approval";
  const { states: known, turn } = open.known.value;
  const landed = open.landed.value;
  const wanted = useMemo(() => {
    if (!approval) return landed;
    const done: number[] = [];
    for (const [a, b] of all_in(known, "done")) for (let i = a; i <= b && done.length < 24; i++) done.push(i);
    return done;
  }, [approval, landed, approval ? turn : 0]);
  const [pictures, set_pictures] = useState<ReadonlyMap<number, string | null>>(new Map());
  useEffect(() => {
    const stop = new AbortController();
    void each(wanted.filter((n) => !pictures.has(n)), async (n) => {
      const t = await read_task(job.id, step.number, n, stop.signal);
      set_pictures((m) => new Map(m).set(n, t.outputs.find((o) => o.url)?.url ?? null));
    });
    return () => stop.abort();
  }, [wanted.join()]);
  const shown = approval ? wanted : wanted.filter((n) => pictures.get(n));
  if (!shown.length) return null;
  return (
    <div class={`strip${approval ? " approval" : ""}`} role="region" aria-label={approval ? "Preview to approve" : "Frames that landed"} tabIndex={0}>
      {approval && may_edit(job) && (
        <div class="yes">
          <span>Do these frames look right? The other {count_text(step.waiting)} wait for a yes.</span>
          <Button look="primary" icon="check" keys="P" run={() => void run(acts.approve, [job]).then(() => open.soon())}>Approve</Button>
        </div>
      )}
      {shown.map((n) => (
        <button key={n} type="button" class="shot" onClick={() => choose(n)} title={`Frame ${name(n)}`}>
          {pictures.get(n) ? <img src={pictures.get(n) ?? ""} alt={`Frame ${name(n)}`} /> : <span class="no-picture"><Icon name="still" /></span>}
          <span class="mono">{name(n)}</span>
        </button>
      ))}
    </div>
  );
}
