// houses/houses: other houses, what is sent there and fetched from there, and what became of it.
import type { House, HouseSaid, NewHouse, NewParcel, Parcel, Problem } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { del, get, post, problem_of } from "../app/api";
import { subscribe } from "../app/events";
import { active } from "../app/jobs";
import { is_admin, may, project as here } from "../app/session";
import { job_words } from "../parts/activity";
import { Button } from "../parts/button";
import { Dialog, ask, open_dialog } from "../parts/dialog";
import { Choice, Field } from "../parts/field";
import { plural, rate_text, size_text } from "../parts/format";
import { Loaded, use_load } from "../parts/load";
import { Empty, ProblemBox } from "../parts/problem";
import { Progress } from "../parts/progress";
import { Ago } from "../parts/time";
import { tell, tell_problem } from "../parts/toast";

const fail = (e: unknown) => tell_problem(problem_of(e));

// ---- administration

function HouseDialog({ close }: { close: () => void }) {
  const [name, set_name] = useState("");
  const [url, set_url] = useState("https://");
  const [print, set_print] = useState("");
  const [token, set_token] = useState("");
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  const save = () => {
    const house: NewHouse = { name: name.trim(), url: url.trim(), fingerprint: print.trim(), token: token.trim() };
    set_busy(true);
    post<House>("/houses", house).then(close, (e: unknown) => set_wrong(problem_of(e))).finally(() => set_busy(false));
  };
  return (
    <Dialog title="Another house" close={close} stay submit={save} footer={<Button submit look="primary" busy={busy} disabled={!name.trim() || !token.trim()}>Add</Button>}>
      <Field label="Name" value={name} set={set_name} required focus maxlength={100} />
      <Field label="Address" value={url} set={set_url} placeholder="https://house.example:8480" required />
      <Field label="Fingerprint of its certificate (optional)" value={print} set={set_print} hint="64 hex digits, as that house prints when it starts: only this certificate is trusted. Empty: the system's authorities." autocomplete="off" />
      <Field label="Token" type="password" value={token} set={set_token} hint="of an account at that house; what it may do there is what this house may do. Sealed; never shown again." autocomplete="new-password" />
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

export function Houses() {
  const list = use_load<House[]>("/houses");
  useEffect(() => subscribe({ kinds: ["house."], hear: list.reload, caught_up: list.reload }), []);
  const add = () => void open_dialog((close) => <HouseDialog close={() => { close(); list.reload(); }} />);
  const test = (h: House) => void post<HouseSaid>(`/houses/${h.id}/test`).then((s) => tell(`${h.name}: ${s.name}, posthouse ${s.version}; the account there is ${s.account}`), fail);
  const forget = (h: House) => void ask({ title: `Forget ${h.name}?`, text: "Its address and token are forgotten. What went there keeps its receipt.", yes: "Forget", danger: true }).then((yes) => { if (yes) del(`/houses/${h.id}`).then(list.reload, fail); });
  return (
    <>
      <header><h1>Houses</h1><Button icon="plus" look="primary" run={add}>New house</Button></header>
      <Loaded from={list}>
        {(rows) => rows.length === 0 ? <Empty title="There are no other houses yet"><p>Name another Posthouse, and projects go there and come from there with their versions and notes.</p></Empty> : (
          <div class="scroll-x" tabIndex={0} role="region" aria-label="Houses">
            <table class="table">
              <thead><tr><th>Name</th><th>Address</th><th>Certificate</th><th>Added</th><th><span class="seen-by-readers">Acts</span></th></tr></thead>
              <tbody>
                {rows.map((h) => (
                  <tr key={h.id}>
                    <td>{h.name}</td><td class="mono">{h.url}</td><td class="mono" title={h.fingerprint ?? ""}>{h.fingerprint ? `${h.fingerprint.slice(0, 16)}…` : "by authorities"}</td>
                    <td><Ago at={h.created} /> <span class="quiet">{h.by}</span></td>
                    <td class="right"><Button run={() => test(h)}>Test</Button> <Button icon="close" name={`Forget ${h.name}`} look="plain" run={() => forget(h)} /></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Loaded>
    </>
  );
}

// ---- orders

// `assets` empty: the whole project. `way` in: fetched from there, all of it.
export function HouseOrder({ project, assets, way, close }: { project: string; assets: readonly string[]; way: "out" | "in"; close: () => void }) {
  const [list, set_list] = useState<House[] | null>(null);
  const [house, set_house] = useState("");
  const [there, set_there] = useState(here.value?.name ?? "");
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  useEffect(() => {
    get<House[]>("/houses").then((all) => { set_list(all); set_house((h) => h || (all[0]?.id ?? "")); }, (e: unknown) => set_wrong(problem_of(e)));
  }, []);
  const send = () => {
    const order: NewParcel = { house, way, there: there.trim(), assets: [...assets] };
    set_busy(true);
    post<Parcel>(`/projects/${project}/parcels`, order).then(() => { close(); tell(way === "out" ? "It is on its way; the activity list shows how far it is" : "It is being fetched; the activity list shows how far it is"); }, (e: unknown) => set_wrong(problem_of(e))).finally(() => set_busy(false));
  };
  const what = assets.length ? plural(assets.length, "asset") : "the project";
  return (
    <Dialog title={way === "out" ? `Send ${what} to a house` : "Fetch from a house"} close={close} submit={send} footer={<Button submit look="primary" busy={busy} disabled={!house || !there.trim()}>{way === "out" ? "Send" : "Fetch"}</Button>}>
      {list?.length === 0 && <p>There is no other house yet. {is_admin.value ? <a href="/admin/houses" onClick={close}>Name one</a> : "Ask an administrator to name one."}</p>}
      {list && list.length > 0 && <Choice label={way === "out" ? "To" : "From"} value={house} set={set_house} options={list.map((h) => ({ value: h.id, label: h.name }))} />}
      <Field label="Its project" value={there} set={set_there} required hint={way === "out" ? "made there when it is missing and the account there may" : "by name or id; all of it comes into this project"} />
      <p class="quiet">All versions go, with decisions, notes, drawings and what people told. What is there already is not moved again; no version is overwritten; a name, a place and a note that changed later count.</p>
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

function Result({ p }: { p: Parcel }) {
  const r = p.result;
  if (p.problem) return <ProblemBox problem={p.problem} />;
  if (!r) {
    const job = active.value.get(p.job);
    return job ? <><span class="busy">{job_words(job)}</span><Progress part={job.total ? job.done / job.total : null} name={`${p.name}, ${p.there}`} /></> : <span class="quiet">{p.state}</span>;
  }
  return (
    <>
      <span class="good">{p.way === "out" ? "sent" : "fetched"}</span>: {[plural(r.versions, "version"), plural(r.notes, "note"), plural(r.files, "file")].join(", ")}; {size_text(r.moved)} moved{r.via ? ` by ${r.via}` : ""}{r.moved && r.took_ms ? `, ${rate_text((r.moved * 1000) / r.took_ms)}` : ""}
      {r.renumbered.map((line) => <div key={line} class="quiet">{line}</div>)}
      {(r.renamed || r.placed || r.notes_changed || r.notes_gone) ? <div class="quiet">{[plural(r.renamed ?? 0, "name"), plural(r.placed ?? 0, "place"), plural(r.notes_changed, "note")].join(", ")} changed, {plural(r.notes_gone ?? 0, "note")} deleted.</div> : null}
      {(r.names_kept ?? 0) > 0 && <div class="quiet">{plural(r.names_kept ?? 0, "asset")} kept names and places: the account there may not edit.</div>}
      {r.told_kept > 0 && <div class="quiet">Of {plural(r.told_kept, "asset")} people told something else at both houses; both were left so.</div>}
    </>
  );
}

// What went to other houses and came from them: a section of a project's transfers.
export function Parcels({ project }: { project: string }) {
  const list = use_load<Parcel[]>(`/projects/${project}/parcels`);
  useEffect(() => subscribe({ kinds: ["parcel.", "job.changed"], hear: list.reload, caught_up: list.reload }), [project]);
  const order = (way: "out" | "in") => void open_dialog((close) => <HouseOrder project={project} assets={[]} way={way} close={() => { close(); list.reload(); }} />);
  return (
    <section>
      <header class="line"><h2>House to house</h2><span>{may("download") && <Button icon="upload" run={() => order("out")}>Send to a house</Button>} {is_admin.value && <Button icon="download" run={() => order("in")}>Fetch from a house</Button>}</span></header>
      <Loaded from={list}>
        {(rows) => rows.length === 0 ? <p class="quiet">Nothing went to another house or came from one.</p> : (
          <div class="scroll-x" tabIndex={0} role="region" aria-label="House to house">
            <table class="table">
              <thead><tr><th>House</th><th>Its project</th><th>What became of it</th><th>When</th><th>Receipt</th></tr></thead>
              <tbody>
                {rows.map((p) => (
                  <tr key={p.id}>
                    <td>{p.way === "out" ? "to" : "from"} {p.name}</td><td>{p.there}</td><td><Result p={p} /></td><td><Ago at={p.created} /> <span class="quiet">{p.by}</span></td>
                    <td>{p.receipt ? <a href={`/api/v1/parcels/${p.id}/receipt`} download={`${p.name}.receipt.json`}>signed</a> : <span class="quiet">–</span>}</td>
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
