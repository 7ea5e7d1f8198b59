// farm/nodes: the machines: what each has and runs, why it does not, and what can be done about it.
import type { NodeRun, NodeSpeed, Problem, Speed as LineSpeed, TaskAxis } from "api-types";
import { Fragment } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, is_aborted, post, problem_of } from "../app/api";
import { subscribe } from "../app/events";
import { route, set_query, to } from "../app/router";
import { is_admin } from "../app/session";
import { nothing, pick, step, type Selection } from "../library/selection";
import { Button, CopyLine, Segments } from "../parts/button";
import { by_name, count_text, percent_text, plural, rate_text } from "../parts/format";
import { Icon, type IconName } from "../parts/icons";
import { useKeys } from "../parts/keys";
import { menu_at } from "../parts/menu";
import { Panel, fold } from "../parts/panel";
import { Empty, ProblemBox } from "../parts/problem";
import { Progress } from "../parts/progress";
import { Ago } from "../parts/time";
import { VirtualRows, type Rows } from "../parts/virtual";
import { say_result } from "./acts";
import { each } from "./each";
import { Tabs } from "./look";
import type { Node } from "./model";
import { axes_of, span_text, type Axes } from "./runs";

const AGAIN_MS = 60_000; // when they were heard of, and what ends by itself, tells no news
const ROW = 28;

const looks: Record<Node["state"], { icon: IconName; look: string }> = {
  idle: { icon: "clock", look: "quiet" },
  working: { icon: "activity", look: "busy" },
  away: { icon: "offline", look: "bad" },
  draining: { icon: "stop", look: "note" },
  quarantined: { icon: "lock", look: "bad" },
  desk: { icon: "person", look: "quiet" },
};
type Order = "drain" | "resume" | "quarantine" | "good";
const orders: { order: Order; key: string; name: string; past: string; icon: IconName; hint: string; can: (n: Node) => boolean }[] = [
  { order: "drain", key: "D", name: "Drain", past: "Draining", icon: "stop", hint: "It finishes what it runs and takes nothing more", can: (n) => n.state !== "draining" && n.state !== "away" },
  { order: "resume", key: "S", name: "Resume", past: "Resumed", icon: "play", hint: "It takes work again", can: (n) => n.state === "draining" || n.state === "quarantined" },
  { order: "quarantine", key: "Q", name: "Quarantine", past: "Quarantined", icon: "lock", hint: "It takes nothing until somebody says that it is good", can: (n) => n.state !== "quarantined" },
  { order: "good", key: "G", name: "Good again", past: "Good again:", icon: "check", hint: "Its failures are forgotten", can: (n) => n.state === "quarantined" || n.failures > 0 },
];
const groups = ["all", "idle", "working", "trouble"] as const;
type Group = (typeof groups)[number];
const in_group = (n: Node, g: Group): boolean => g === "all" || (g === "trouble" ? n.state === "away" || n.state === "quarantined" || n.state === "draining" || n.failures > 0 : n.state === g);

export function NodesView() {
  const r = route.value;
  const q = (r.query["q"] ?? "").toLowerCase();
  const group = groups.find((g) => g === r.query["state"]) ?? "all";
  const [nodes, set_nodes] = useState<Node[] | null>(null);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [selection, select] = useState<Selection>(nothing);
  const rows = useRef<Rows>(null);
  const search = useRef<HTMLInputElement>(null);
  const load = useRef(() => undefined as void);
  useEffect(() => {
    const stop = new AbortController();
    let due = 0;
    let took_ms = 0;
    const ask = () => {
      due = 0;
      const began = performance.now();
      get<Node[]>("/nodes", { signal: stop.signal }).then(
        (list) => {
          took_ms = performance.now() - began;
          set_nodes(list);
          set_wrong(null);
        },
        (e: unknown) => !is_aborted(e) && set_wrong(problem_of(e)),
      );
    };
    load.current = ask;
    const soon = () => {
      if (!due) due = window.setTimeout(ask, Math.max(300, took_ms * 10));
    };
    const end = subscribe({ kinds: ["nodes.changed"], hear: soon, caught_up: ask });
    const timer = window.setInterval(() => document.hidden || ask(), AGAIN_MS);
    ask();
    return () => {
      stop.abort();
      end();
      window.clearTimeout(due);
      window.clearInterval(timer);
    };
  }, []);
  // By name: machines stay where they are, whatever they do.
  const list = useMemo(() => (nodes ?? []).filter((n) => in_group(n, group) && (!q || `${n.name} ${n.tags.join(" ")} ${n.pool ?? ""} ${n.gpus.join(" ")} ${n.state}`.toLowerCase().includes(q))).sort((a, b) => by_name(a.name, b.name)), [nodes, group, q]);
  const id_at = (p: number): string | null => list[p]?.id ?? null;
  const chosen = (nodes ?? []).filter((n) => selection.ids.has(n.id));
  const move = (e: KeyboardEvent) => {
    const page = Math.max(1, Math.floor((rows.current?.element?.clientHeight ?? 280) / ROW) - 2);
    const next = step(selection.at, e.key, 1, page, list.length);
    if (next === null) return false;
    select(pick(selection, next, { range: e.shiftKey }, id_at));
    rows.current?.scroll_to(next);
    return true;
  };
  const run = async (o: (typeof orders)[number]) => {
    const able = chosen.filter(o.can);
    if (!able.length || !is_admin.value) return;
    const refused = await each(able, async (n) => {
      const answer = await post<Node>(`/nodes/${n.id}/${o.order}`);
      set_nodes((all) => all?.map((x) => (x.id === answer.id ? answer : x)) ?? null);
    });
    say_result(o.past, (n) => (able.length === 1 ? (able[0]?.name ?? "") : plural(n, "machine")), able.length, refused.map((x) => ({ name: x.one.name, why: x.why })));
    load.current();
  };
  const keys = ["ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"];
  useKeys("Machines", [
    { keys, name: "Move", run: move, in_palette: false },
    { keys: keys.map((k) => `Shift+${k}`), name: "Choose a range", run: move, in_palette: false },
    { keys: ["Ctrl+A"], name: "Choose all", run: () => select({ ids: new Set(list.map((n) => n.id)), at: selection.at, from: selection.from }) },
    { keys: ["Escape"], name: "Choose nothing", run: () => select(nothing), in_palette: false },
    ...orders.map((o) => ({ keys: [o.key], name: o.name, run: () => void run(o) })),
    { keys: ["/"], name: "Search", run: () => search.current?.focus() },
  ]);
  const menu = (e: MouseEvent, place: number) => {
    const n = list[place];
    if (!n) return;
    const these = selection.ids.has(n.id) ? chosen : [n];
    if (!selection.ids.has(n.id)) select(pick(selection, place, {}, id_at));
    menu_at(e, orders.map((o) => ({ name: o.name, icon: o.icon, keys: o.key, disabled: !is_admin.value || !these.some(o.can), run: () => void run(o) })), these.length === 1 ? n.name : plural(these.length, "machine"));
  };
  const sum = (s: (n: Node) => number) => (nodes ?? []).reduce((n, x) => n + s(x), 0);
  return (
    <>
      <main class="farm">
        <div class="bar">
          <Tabs at="nodes" />
          <span class="quiet mono cut" role="status">{nodes ? `${plural(nodes.length, "machine")}, ${count_text(sum((n) => n.busy))} of ${count_text(sum((n) => (n.state === "away" ? 0 : n.slots)))} slots busy` : ""}</span>
          <label class="search">
            <Icon name="search" size={14} />
            <input ref={search} type="search" placeholder="Names, tags, GPUs" aria-label="Search machines" value={r.query["q"] ?? ""} onInput={(e) => set_query({ q: e.currentTarget.value || null }, { replace: true })} onKeyDown={(e) => { if (e.key === "Escape") e.currentTarget.blur(); }} />
          </label>
          <Button class="narrow-only" icon="panel_right" name="The machine" look="plain" run={() => fold("right")} />
        </div>
        <div class="bar farm-filters">
          <Segments<Group> name="Which machines" value={group} pick={(g) => set_query({ state: g === "all" ? null : g }, { replace: true })} options={[{ value: "all", label: "All" }, { value: "idle", label: "Idle" }, { value: "working", label: "Working" }, { value: "trouble", label: "In trouble" }]} />
          {chosen.length > 0 && is_admin.value && orders.map((o) => chosen.some(o.can) && <Button key={o.order} icon={o.icon} name={o.hint} keys={o.key} run={() => void run(o)}>{o.name}</Button>)}
        </div>
        {wrong && <ProblemBox problem={wrong} retry={() => load.current()} />}
        {nodes && nodes.length === 0 ? (
          <Empty title="No machine has joined the farm">
            <p>A worker asks the house for work; it needs nothing but this line, on any machine that has the programs.</p>
            <CopyLine text={`posthouse work --house ${location.origin} --token-file TOKEN`} />
          </Empty>
        ) : list.length === 0 && nodes ? (
          <Empty title={group === "trouble" ? "No machine is in trouble" : "No machine is like that"}><Button run={() => set_query({ state: null, q: null })}>Show all</Button></Empty>
        ) : (
          <div class="farm-list">
            <VirtualRows
              rows={rows}
              count={list.length}
              row_height={ROW}
              row_key={(i) => list[i]?.id ?? i}
              draw={(i) => {
                const n = list[i];
                return n ? <Row node={n} place={i} on={selection.ids.has(n.id)} cursor={i === selection.at} pick={(e) => { rows.current?.element?.focus({ preventScroll: true }); select(pick(selection, i, { range: e.shiftKey, more: e.ctrlKey || e.metaKey }, id_at)); }} menu={(e) => menu(e, i)} /> : null;
              }}
              attributes={{ role: "grid", tabIndex: 0, "aria-label": "Machines", "aria-multiselectable": true, "aria-rowcount": list.length + 1, "aria-activedescendant": selection.at >= 0 ? `node-${selection.at}` : undefined }}
              head={<div class="node-row farm-head" role="row" aria-rowindex={1}>{["State", "Machine", "Slots", "Runs", "Has", "Failures", "Heard"].map((c) => <span key={c} role="columnheader" class={c.toLowerCase()}>{c}</span>)}</div>}
            />
          </div>
        )}
      </main>
      <Panel side="right" name="Machine" width={340} min={260}>
        <div class="side farm-side" tabIndex={0} role="region" aria-label="The machine">
          {chosen.length === 1 && chosen[0] ? <Side node={chosen[0]} /> : chosen.length ? <h2>{plural(chosen.length, "machine")} chosen</h2> : <><p class="quiet">Choose a machine to see what it has and what it runs.</p><Uploads /></>}
        </div>
      </Panel>
    </>
  );
}

function State({ node }: { node: Node }) {
  const { icon, look } = looks[node.state] ?? looks.idle;
  return <span class={`job-state ${look}`}><Icon name={icon} size={14} /> {node.state}</span>;
}
const has = (n: Node): string => [...(n.cpus ? [`${n.cpus} cores`, `${Math.round(n.memory_mb / 1024)} GB`] : []), ...(n.gpus.length ? [n.gpus.length === 1 ? (n.gpus[0] ?? "") : `${n.gpus.length} × ${n.gpus[0]}`] : [])].join(", ");

function Row({ node: n, place, on, cursor, pick: choose, menu }: { node: Node; place: number; on: boolean; cursor: boolean; pick: (e: MouseEvent) => void; menu: (e: MouseEvent) => void }) {
  const first = n.runs[0];
  return (
    <div id={`node-${place}`} class={`node-row farm-row-look${on ? " chosen" : ""}${cursor ? " cursor" : ""}`} role="row" aria-rowindex={place + 2} aria-selected={on} onClick={choose} onContextMenu={menu}>
      <span role="gridcell" class="state" title={n.why ?? undefined}><State node={n} /></span>
      <span role="gridcell" class="machine cut">{n.name}</span>
      <span role="gridcell" class="slots"><span class="pips" role="img" aria-label={`${n.busy} of ${n.slots} slots busy`}>{Array.from({ length: Math.min(n.slots, 12) }, (_, i) => <i key={i} class={i < n.busy ? "busy" : ""} />)}</span><span class="mono">{n.busy}/{n.slots}</span></span>
      <span role="gridcell" class="runs cut">
        {first ? <><span class="cut">{first.title}</span>{first.progress !== null && first.progress !== undefined && <span class="mono quiet">{percent_text(first.progress)}</span>}{n.runs.length > 1 && <span class="quiet">+{n.runs.length - 1}</span>}</> : <span class="quiet cut">{n.why ?? ""}</span>}
      </span>
      <span role="gridcell" class="has quiet cut" title={`${has(n)}; ${n.tags.join(", ")}`}>{has(n)}{n.pool ? ` · ${n.pool}` : ""}</span>
      <span role="gridcell" class={`failures mono right${n.failures ? " bad" : ""}`}>{n.failures || ""}</span>
      <span role="gridcell" class="heard quiet right"><Ago at={n.seen} /></span>
    </div>
  );
}

// The parameters of steps that were looked at: they do not change while a job lives.
const known_axes = new Map<string, Promise<Axes>>();
function axes_of_run(run: NodeRun): Promise<Axes> {
  const address = `/jobs/${run.job}/steps/${run.step}/axes`;
  let axes = known_axes.get(address);
  if (!axes) {
    if (known_axes.size >= 1000) known_axes.clear();
    axes = get<TaskAxis[]>(address).then(axes_of, () => []);
    known_axes.set(address, axes);
  }
  return axes;
}

function Span({ run }: { run: NodeRun }) {
  const [axes, set_axes] = useState<Axes | null>(null);
  useEffect(() => {
    let gone = false;
    void axes_of_run(run).then((a) => gone || set_axes(a));
    return () => { gone = true; };
  }, [run.job, run.step]);
  return <span class="mono quiet">{axes && span_text(axes, run.first, run.last)}</span>;
}

const Speed = ({ of }: { of: NodeSpeed }) => <><span class="mono">{rate_text(of.bytes_s)}</span> <span class="quiet">measured <Ago at={of.measured} /></span></>;

// How fast uploads were; what workers measured stands beside each.
function Uploads() {
  const [speeds, set_speeds] = useState<LineSpeed[]>([]);
  useEffect(() => {
    const stop = new AbortController();
    get<LineSpeed[]>("/speeds", { signal: stop.signal }).then((all) => set_speeds(all.filter((s) => s.kind === "put")), () => undefined);
    return () => stop.abort();
  }, []);
  return speeds.length === 0 ? null : (
    <section>
      <h3>Uploads</h3>
      <dl>{speeds.map((s) => <Fragment key={s.name}><dt class="cut" title={s.name}>{s.name}</dt><dd><Speed of={s} /></dd></Fragment>)}</dl>
    </section>
  );
}

function Side({ node: n }: { node: Node }) {
  return (
    <>
      <h2>{n.name}</h2>
      <State node={n} />
      {(n.why || n.until) && <p>{n.why}{n.until && <> · until <Ago at={n.until} /></>}</p>}
      {n.runs.length > 0 && (
        <section>
          <h3>Runs</h3>
          <ul class="node-runs">
            {n.runs.map((x) => (
              <li key={x.attempt}>
                <a class="cut" href={to.job(x.project, x.job, { step: x.step, task: x.first })}>{x.title}</a>
                <Span run={x} />
                <Progress part={x.progress ?? null} name={x.title} />
                <span class="quiet"><Ago at={x.started} /></span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <dl>
        {n.cpus > 0 && <><dt>Cores</dt><dd class="mono">{n.cpus}</dd><dt>Memory</dt><dd class="mono">{Math.round(n.memory_mb / 1024)} GB</dd></>}
        {n.gpus.length > 0 && <><dt>GPUs</dt><dd>{n.gpus.join(", ")}</dd></>}
        {n.tags.length > 0 && <><dt>Tags</dt><dd>{n.tags.join(", ")}</dd></>}
        {n.pool && <><dt>Pool</dt><dd>{n.pool}</dd></>}
        {n.from_house && <><dt>From house</dt><dd><Speed of={n.from_house} /></dd></>}
        {n.to_house && <><dt>To house</dt><dd><Speed of={n.to_house} /></dd></>}
        <dt>Failures</dt><dd class="mono">{n.failures} in a row</dd>
        <dt>Heard</dt><dd><Ago at={n.seen} /></dd>
      </dl>
    </>
  );
}
