// transfer/lines: the line: what moves now, who, how fast, how long still; its limits; what has moved.
import sheet from "../style/views.css?url";
import type { Cap, NewCap, Person, Problem, Project, Quota, Traffic, TrafficMove, TrafficStream } from "api-types";
import { Parcels } from "../houses/houses";
import { useEffect, useState } from "preact/hooks";
import { del, get, is_aborted, patch, post, problem_of, put } from "../app/api";
import { online } from "../app/link";
import { route } from "../app/router";
import { is_admin, projects } from "../app/session";
import { Button } from "../parts/button";
import { Dialog, open_dialog } from "../parts/dialog";
import { Choice, Field } from "../parts/field";
import { count_text, left_text, percent_text, plural, rate_text, size_text } from "../parts/format";
import { Icon } from "../parts/icons";
import { Loaded, use_load } from "../parts/load";
import { Empty, ProblemBox } from "../parts/problem";
import { Progress } from "../parts/progress";
import { Ago } from "../parts/time";
import { tell_problem } from "../parts/toast";

export { sheet };
const EVERY_MS = 1500;
const fail = (e: unknown) => tell_problem(problem_of(e));
const kinds: Record<string, string> = { upload: "Upload", download: "Download", zip: "Zip", playback: "Pictures", house: "House to house", delivery: "Delivery", staging: "For a worker" };

export function Lines() {
  const project = route.value.project;
  const [now, set_now] = useState<Traffic | null>(null);
  const [problem, set_problem] = useState<Problem | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    let timer = 0;
    const look = () => {
      get<Traffic>(`/traffic${project ? `?project=${project}` : ""}`, { signal: stop.signal })
        .then((t) => { set_now(t); set_problem(null); }, (e: unknown) => !is_aborted(e) && set_problem(problem_of(e)))
        .finally(() => { if (!stop.signal.aborted) timer = window.setTimeout(look, document.hidden ? 10_000 : EVERY_MS); });
    };
    look();
    return () => { stop.abort(); window.clearTimeout(timer); };
  }, [project]);
  // What is whole goes to the history; what was held back or sent ahead stays in sight.
  const streams = (now?.streams ?? []).filter((s) => s.moving || s.paused || s.priority !== 50 || s.total < 0 || s.done < s.total);
  const order = [...streams].sort((a, b) => Number(b.moving) - Number(a.moving) || b.priority - a.priority || (a.began < b.began ? 1 : -1));
  return (
    <main>
      <div class="page-view lines">
        <header class="line"><h1>Transfers</h1>{now && <span class="quiet">{plural(streams.filter((s) => s.moving).length, "transfer")} under way</span>}</header>
        {problem && online.value && <ProblemBox problem={problem} />}
        {now && <Graph t={now} />}
        {now && (order.length === 0 ? (
          <Empty title="Nothing moves"><p>Uploads, downloads and archives show here while they move: who, how fast, how long still. They can be paused, and one can be let go before the others.</p></Empty>
        ) : (
          <ul class="streams" aria-label="What moves now">{order.map((s) => <Stream key={s.id} s={s} changed={(c) => set_now((t) => t && { ...t, streams: t.streams.map((o) => (o.id === c.id ? c : o)) })} />)}</ul>
        ))}
        {!now && !problem && <div aria-busy="true"><div class="skeleton bar" /><div class="skeleton bar" /></div>}
        {is_admin.value && !project && <Caps />}
        {is_admin.value && !project && <Quotas />}
        {project && <Parcels key={project} project={project} />}
        <Past project={project} />
      </div>
    </main>
  );
}

// The last five minutes, in above and out below; the highest second and the limits are named, so that it reads without colour.
function Graph({ t }: { t: Traffic }) {
  const width = t.in.length, half = 48;
  const most = Math.max(1, t.in_cap, t.out_cap, ...t.in, ...t.out) * 1.05;
  const area = (list: readonly number[], down: boolean) => `M0 ${half} ${list.map((b, i) => `L${i} ${half + ((down ? 1 : -1) * b * (half - 2)) / most}`).join(" ")} L${width - 1} ${half}Z`;
  const limit = (cap: number, down: boolean) => cap > 0 && <line class="cap" x1="0" x2={width} y1={half + ((down ? 1 : -1) * cap * (half - 2)) / most} y2={half + ((down ? 1 : -1) * cap * (half - 2)) / most} />;
  const last = (list: readonly number[]) => list.slice(-3).reduce((a, b) => a + b, 0) / 3;
  const say = (word: string, list: readonly number[], cap: number) => `${word} ${rate_text(last(list))}, at most ${rate_text(Math.max(0, ...list))}${cap ? `, limit ${bits_text(cap * 8)}` : ""}`;
  const into = say("In", t.in, t.in_cap), out = say("Out", t.out, t.out_cap);
  return (
    <figure class="line-graph">
      <svg viewBox={`0 0 ${width} ${half * 2}`} preserveAspectRatio="none" role="img" aria-label={`The line in the last five minutes. ${into}. ${out}.`}>
        <path class="in" d={area(t.in, false)} /><path class="out" d={area(t.out, true)} />
        <line class="zero" x1="0" x2={width} y1={half} y2={half} />
        {limit(t.in_cap, false)}{limit(t.out_cap, true)}
      </svg>
      <figcaption class="mono"><span class="mark-line"><Icon name="upload" size={12} /> {into}</span><span class="mark-line"><Icon name="download" size={12} /> {out}</span><span class="quiet">5 minutes</span></figcaption>
    </figure>
  );
}

function Stream({ s, changed }: { s: TrafficStream; changed: (s: TrafficStream) => void }) {
  const change = (c: { paused?: boolean; priority?: number }) => void patch<TrafficStream>(`/traffic/${s.id}`, c).then(changed, fail);
  const part = s.total > 0 ? Math.min(1, s.done / s.total) : null;
  const first = s.priority > 50, late = s.priority < 50;
  const words = s.paused ? "paused" : s.moving ? rate_text(s.bytes_s) : "rests";
  return (
    <li class="stream">
      <Icon name={s.way === "in" ? "upload" : "download"} />
      <div class="who"><b class="cut" title={s.title}>{s.title}</b><span class="quiet cut">{kinds[s.kind] ?? s.kind}{s.who ? ` · ${s.who}` : ""}{first ? " · goes first" : late ? " · goes last" : ""}{s.requests > 1 ? ` · ${count_text(s.requests)} requests` : ""}{s.via ? ` · by ${s.via.toUpperCase()}` : ""}</span></div>
      <div class="far"><span class="mono">{size_text(s.done)}{s.total > 0 ? ` of ${size_text(s.total)}` : ""}</span><span class={`mono ${s.paused ? "note" : "quiet"}`}>{words}{s.left_s !== null && s.left_s !== undefined && !s.paused && s.moving ? ` · ${left_text(s.left_s)} left` : ""}</span></div>
      <div class="acts">
        <Button icon={s.paused ? "play" : "pause"} name={`${s.paused ? "Go on with" : "Pause"} ${s.title}`} look="plain" run={() => change({ paused: !s.paused })} />
        <Button icon="up" name={first ? `${s.title} as usual` : `Let ${s.title} go first`} look="plain" on={first} run={() => change({ priority: first ? 50 : 90 })} />
        <Button icon="down" name={late ? `${s.title} as usual` : `Let ${s.title} go last`} look="plain" on={late} run={() => change({ priority: late ? 50 : 10 })} />
      </div>
      <Progress part={part} name={`${s.title}${part === null ? "" : `, ${percent_text(part)}`}`} />
    </li>
  );
}

// ---- limits

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const bits_text = (bits: number): string => (bits >= 1e9 ? `${+(bits / 1e9).toFixed(2)} Gbit/s` : bits >= 1e6 ? `${+(bits / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bits / 1e3)} kbit/s`);
const minute_text = (m: number): string => `${String(Math.floor(m / 60)).padStart(2, "0")}:${String(m % 60).padStart(2, "0")}`;
const days_text = (days: number): string => (days === 127 ? "" : days === 31 ? "Mon to Fri" : DAYS.filter((_, i) => (days >> i) & 1).join(", "));
const when_text = (c: Cap): string => [days_text(c.days), c.from === c.to ? "" : `${minute_text(c.from)} to ${minute_text(c.to)}`].filter(Boolean).join(", ") || "always";
const scopes = [{ value: "line", label: "The whole line" }, { value: "project", label: "A project" }, { value: "person", label: "A person" }] as const;
type Scope = (typeof scopes)[number]["value"];
const scope_name = (scope: string, name: string): string => (scope === "line" ? "The whole line" : `${name} (${scope})`);

function Subject({ scope, set_scope, subject, set_subject, people }: { scope: Scope; set_scope: (s: Scope) => void; subject: string; set_subject: (s: string) => void; people: Person[] }) {
  const list = scope === "project" ? projects.value.map((p: Project) => ({ value: p.id, label: p.name })) : people.map((p) => ({ value: p.id, label: p.name }));
  return (
    <>
      <Choice label="Of" value={scope} set={(s) => { set_scope(s); set_subject(""); }} options={[...scopes]} />
      {scope !== "line" && <Choice label="Which" value={subject} set={set_subject} options={[{ value: "", label: "Choose" }, ...list]} />}
    </>
  );
}

function use_people(): Person[] {
  const [people, set] = useState<Person[]>([]);
  useEffect(() => void get<Person[]>("/people").then(set, () => undefined), []);
  return people;
}

function CapDialog({ close, done }: { close: () => void; done: (all: Cap[]) => void }) {
  const people = use_people();
  const [scope, set_scope] = useState<Scope>("line");
  const [subject, set_subject] = useState("");
  const [into, set_in] = useState("");
  const [out, set_out] = useState("");
  const [hours, set_hours] = useState<"always" | "work" | "own">("always");
  const [from, set_from] = useState("09:00");
  const [to, set_to] = useState("18:00");
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const minute = (t: string): number => Number(t.split(":")[0]) * 60 + Number(t.split(":")[1] ?? 0);
  const make = () => {
    const body: NewCap = { scope, subject, in_bits: Math.round(Number(into) * 1e6) || 0, out_bits: Math.round(Number(out) * 1e6) || 0, days: hours === "work" ? 31 : 127, from: hours === "always" ? 0 : minute(from), to: hours === "always" ? 0 : minute(to) };
    post<Cap[]>("/caps", body).then((all) => { done(all); close(); }, (e: unknown) => set_wrong(problem_of(e)));
  };
  const timed = /^\d\d:\d\d$/.test(from) && /^\d\d:\d\d$/.test(to);
  return (
    <Dialog title="Limit how fast it may go" close={close} submit={make} footer={<Button submit look="primary" disabled={(!Number(into) && !Number(out)) || (scope !== "line" && !subject) || (hours !== "always" && !timed)}>Set the limit</Button>}>
      <Subject scope={scope} set_scope={set_scope} subject={subject} set_subject={set_subject} people={people} />
      <Field label="In, Mbit/s" type="number" min="0" value={into} set={set_in} hint="Empty: no limit that way" focus />
      <Field label="Out, Mbit/s" type="number" min="0" value={out} set={set_out} />
      <Choice label="When" value={hours} set={set_hours} options={[{ value: "always", label: "Always" }, { value: "work", label: "Monday to Friday, from ... to ..." }, { value: "own", label: "Every day, from ... to ..." }]} />
      {hours !== "always" && <div class="form-line"><Field label="From" value={from} set={set_from} placeholder="09:00" /><Field label="To" value={to} set={set_to} placeholder="18:00" hint="Before “From”: into the next day" /></div>}
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

function Caps() {
  const list = use_load<Cap[]>("/caps");
  return (
    <section>
      <header class="line"><h2>Limits</h2><span class="quiet">Of several that hold, the narrowest counts</span><Button icon="plus" run={() => void open_dialog((close) => <CapDialog close={close} done={list.set} />)}>Set a limit</Button></header>
      <Loaded from={list}>
        {(all) => all.length === 0 ? <p class="quiet">Everything may go as fast as the line.</p> : (
          <div class="scroll-x" tabIndex={0} role="region" aria-label="Limits">
            <table class="table">
              <thead><tr><th>Of</th><th class="right">In</th><th class="right">Out</th><th>When</th><th>Now</th><th><span class="seen-by-readers">Acts</span></th></tr></thead>
              <tbody>
                {all.map((c) => (
                  <tr key={c.id}>
                    <td>{scope_name(c.scope, c.name)}</td><td class="mono right">{c.in_bits ? bits_text(c.in_bits) : "–"}</td><td class="mono right">{c.out_bits ? bits_text(c.out_bits) : "–"}</td>
                    <td>{when_text(c)}</td><td>{c.now ? "holds" : <span class="quiet">not now</span>}</td>
                    <td class="right"><Button icon="close" name="Take this limit away" look="plain" run={() => void del<Cap[]>(`/caps/${c.id}`).then(list.set, fail)} /></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Loaded>
    </section>
  );
}

function QuotaDialog({ close, done }: { close: () => void; done: (all: Quota[]) => void }) {
  const people = use_people();
  const [scope, set_scope] = useState<Scope>("project");
  const [subject, set_subject] = useState("");
  const [size, set_size] = useState("");
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const make = () => void put<Quota[]>("/quotas", { scope, subject, bytes: Math.round(Number(size) * 1e9) }).then((all) => { done(all); close(); }, (e: unknown) => set_wrong(problem_of(e)));
  return (
    <Dialog title="Limit how much may come" close={close} submit={make} footer={<Button submit look="primary" disabled={!Number(size) || (scope !== "line" && !subject)}>Set the quota</Button>}>
      <Subject scope={scope} set_scope={set_scope} subject={subject} set_subject={set_subject} people={people} />
      <Field label="At most, in GB" type="number" min="0" value={size} set={set_size} required hint="What is on its way counts too" />
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

function Quotas() {
  const list = use_load<Quota[]>("/quotas");
  return (
    <section>
      <header class="line"><h2>Quotas</h2><span class="quiet">What is there, or was brought in, with what is on its way</span><Button icon="plus" run={() => void open_dialog((close) => <QuotaDialog close={close} done={list.set} />)}>Set a quota</Button></header>
      <Loaded from={list}>
        {(all) => all.length === 0 ? <p class="quiet">What fits on the disk may come.</p> : (
          <ul class="streams">
            {all.map((q) => (
              <li key={q.scope + q.subject} class="stream quota">
                <b class="cut">{scope_name(q.scope, q.name)}</b><span class="mono">{size_text(q.used)} of {size_text(q.bytes)}</span>
                <Button icon="close" name="Take this quota away" look="plain" run={() => void put<Quota[]>("/quotas", { scope: q.scope, subject: q.subject, bytes: 0 }).then(list.set, fail)} />
                <Progress part={Math.min(1, q.used / q.bytes)} name={`Used of the quota of ${scope_name(q.scope, q.name)}`} look={q.used >= q.bytes ? "bad" : undefined} />
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </section>
  );
}

// ---- what has moved

function Past({ project }: { project: string | null }) {
  const list = use_load<TrafficMove[]>(project ? `/projects/${project}/traffic` : "/traffic/history");
  if (!project && !is_admin.value) return null;
  return (
    <section>
      <header class="line"><h2>Before</h2><Button icon="retry" name="Look again" look="plain" run={list.reload} /></header>
      <Loaded from={list}>
        {(all) => all.length === 0 ? <p class="quiet">Nothing has moved yet.</p> : (
          <div class="scroll-x" tabIndex={0} role="region" aria-label="What has moved">
            <table class="table">
              <thead><tr><th>What</th><th>Who</th><th class="right">Size</th><th class="right">Mean</th><th class="right">At most</th><th class="right">Requests</th><th>By</th><th>Verified</th><th>When</th></tr></thead>
              <tbody>
                {all.map((m) => {
                  const s = Math.max(1, (Date.parse(m.ended) - Date.parse(m.began)) / 1000);
                  return (
                    <tr key={m.id}>
                      <td><span class="mark-line"><Icon name={m.way === "in" ? "upload" : "download"} size={12} /> {m.title}</span></td><td>{m.who || <span class="quiet">a visitor</span>}</td>
                      <td class="mono right">{size_text(m.bytes)}</td><td class="mono right">{rate_text(m.bytes / s)}</td><td class="mono right">{rate_text(Math.max(m.peak_bytes_s, m.bytes / s))}</td><td class="mono right">{count_text(m.requests)}</td><td>{m.via ? m.via.toUpperCase() : <span class="quiet">–</span>}</td>
                      <td>{m.files > 0 ? (m.verified === m.files ? <span class="good">all {count_text(m.files)}</span> : `${count_text(m.verified)} of ${count_text(m.files)}`) : <span class="quiet">–</span>}</td>
                      <td><Ago at={m.ended} /></td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
        )}
      </Loaded>
    </section>
  );
}
