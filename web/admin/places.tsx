// admin/places: folders of volumes whose media is in place, how far they are, and adding one.
import type { Folder, Place, PlaceFolders, Problem } from "api-types";
import { useEffect, useRef, useState } from "preact/hooks";
import { del, get, patch, post, problem_of, with_query } from "../app/api";
import { subscribe } from "../app/events";
import { to } from "../app/router";
import { projects } from "../app/session";
import { Button } from "../parts/button";
import { Dialog, ask, open_dialog } from "../parts/dialog";
import { Choice, Field, Tick } from "../parts/field";
import { count_text, exact_text, left_text, plural, rate_text, size_text } from "../parts/format";
import { Loaded, use_load } from "../parts/load";
import { Empty, ProblemBox } from "../parts/problem";
import { Progress } from "../parts/progress";
import { Ago } from "../parts/time";
import { tell_problem } from "../parts/toast";
import { Table } from "./table";

const fail = (e: unknown) => tell_problem(problem_of(e));
const LOOK_MS = 1000; // while something goes on

const is_busy = (p: Place): boolean => p.scanning || !!p.unanswered || !p.scanned || p.waiting > 0 || (p.state === "online" && p.hash_bytes_s > 0) || p.state === "leaving";

// What a place is at, in words: never colour alone.
function State({ p }: { p: Place }) {
  if (p.state === "offline")
    return (
      <>
        <span class="bad">offline</span> since <Ago said at={p.since} />{p.seen ? <>, last seen <Ago said at={p.seen} /></> : ", never seen"}
        <div class="quiet">{p.problem}</div>
      </>
    );
  if (p.unanswered)
    return (
      <>
        <span class="bad">does not answer</span> since <Ago at={p.unanswered} />
        <div class="quiet">Its volume hangs: look at its server and its line. The other places go on, and so does this one when it answers.</div>
      </>
    );
  if (p.state === "leaving") return <span class="busy">is being forgotten</span>;
  if (p.scanning) return <span class="busy">is being looked at: {plural(p.scan_files, "file")} so far</span>;
  if (!p.scanned) return <span class="busy">waits to be looked at</span>;
  return <>online, looked at <Ago said at={p.scanned} /></>;
}

function Hashed({ p }: { p: Place }) {
  const left = p.files - p.hashed_files;
  if (!p.files) return <span class="quiet">–</span>;
  if (left <= 0) return <>all</>;
  return (
    <div class="hashed">
      <Progress part={p.bytes ? p.hashed_bytes / p.bytes : null} name={`Hashing ${p.path}`} />
      <span class="mono">{size_text(p.hashed_bytes)} of {size_text(p.bytes)}</span>{" "}
      <span class="quiet">{p.hash_bytes_s ? `${rate_text(p.hash_bytes_s)}, ${left_text(p.hash_left_s ?? 0)} left` : `${plural(left, "file")} to go`}</span>
    </div>
  );
}

function Remarks({ p }: { p: Place }) {
  const said = [
    p.waiting > 0 && `${plural(p.waiting, "file")} seen, not yet taken`,
    p.gone > 0 && `${plural(p.gone, "file")} not there any more`,
    p.unreadable > 0 && `${count_text(p.unreadable)} could not be looked at: ${p.unreadable_path ?? ""}`,
    p.unread > 0 && `${plural(p.unread, "file")} could not be read`,
    p.links > 0 && `${plural(p.links, "symbolic link")} left out`,
  ].filter(Boolean);
  return <>{said.map((s) => <div key={String(s)} class="quiet">{s}</div>)}</>;
}

// A folder of the house's machine: typed, or found by going down from a root.
export function PathField({ path, set, hint }: { path: string; set: (p: string) => void; hint?: string }) {
  const [seen, set_seen] = useState<PlaceFolders | null>(null);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const turn = useRef(0);
  useEffect(() => {
    const mine = ++turn.current;
    const timer = window.setTimeout(() => {
      get<PlaceFolders>(with_query("/places/folders", { path: path.trim() || null })).then(
        (f) => { if (mine === turn.current) { set_seen(f); set_wrong(null); } },
        (e: unknown) => { if (mine === turn.current) { set_seen(null); set_wrong(problem_of(e)); } },
      );
    }, path ? 250 : 0);
    return () => window.clearTimeout(timer);
  }, [path]);
  const above = path.replace(/\/+$/, "").replace(/\/[^/]*$/, "");
  const inside = seen?.roots.some((r) => above === r || above.startsWith(`${r}/`));
  const below = path.trim() ? (seen?.folders ?? []).map((f) => ({ name: f, to: `${path.replace(/\/+$/, "")}/${f}` })) : (seen?.roots ?? []).map((r) => ({ name: r, to: r }));
  return (
    <>
      <Field label="Folder on the house's machine" value={path} set={set} focus required placeholder={seen?.roots[0] ?? "/mnt/nas/show"} hint={hint ?? "It is only read. Nothing is copied, and nothing is ever written to it."} />
      {seen && !seen.roots.length && <p class="note">The house may look into no folder yet: set <code>places.roots</code> in house.conf to the folders of your volumes, and start the house again.</p>}
      {(below.length > 0 || inside) && (
        <ul class="folders-below" aria-label="Folders">
          {inside && <li><Button look="plain" icon="folder" run={() => set(above)}>..</Button></li>}
          {below.map((f) => <li key={f.to}><Button look="plain" icon="folder" run={() => set(f.to)}>{f.name}</Button></li>)}
          {seen?.more && <li class="quiet">… and more</li>}
        </ul>
      )}
      {wrong && path && <ProblemBox problem={wrong} />}
    </>
  );
}

function AddDialog({ close, made }: { close: () => void; made: () => void }) {
  const [project, set_project] = useState(projects.value[0]?.id ?? "");
  const [folder, set_folder] = useState("");
  const [folders, set_folders] = useState<Folder[]>([]);
  const [path, set_path] = useState("");
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  useEffect(() => {
    set_folder("");
    if (project) get<Folder[]>(`/projects/${project}/folders`).then(set_folders, fail);
  }, [project]);
  const add = () => {
    set_busy(true);
    set_wrong(null);
    post<Place>(`/projects/${project}/places`, { path: path.trim(), folder: folder || null }).then(() => { close(); made(); }, (e: unknown) => { set_wrong(problem_of(e)); set_busy(false); });
  };
  return (
    <Dialog wide title="Take a folder in place" close={close} stay submit={add} footer={<Button submit look="primary" busy={busy} disabled={!project || !path.trim()}>Take it in place</Button>}>
      <Choice label="Project" value={project} set={set_project} options={projects.value.map((p) => ({ value: p.id, label: p.name }))} />
      <Choice label="Shown in" value={folder} set={set_folder} options={[{ value: "", label: "The top of the project" }, ...folders.map((f) => ({ value: f.id, label: f.name }))]} />
      <PathField path={path} set={set_path} />
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

// Its volume is mounted elsewhere now.
function MoveDialog({ place, close, moved }: { place: Place; close: () => void; moved: () => void }) {
  const [path, set_path] = useState("");
  const [anyway, set_anyway] = useState(false);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  const move = () => {
    set_busy(true);
    set_wrong(null);
    patch<Place>(`/places/${place.id}`, { path: path.trim(), anyway }).then(() => { close(); moved(); }, (e: unknown) => { set_wrong(problem_of(e)); set_busy(false); });
  };
  return (
    <Dialog wide title={`Where is ${place.path} now?`} close={close} stay submit={move} footer={<Button submit look="primary" busy={busy} disabled={!path.trim()}>It is there</Button>}>
      <p class="note">What is known of its files stays: notes, proxies and hashes. Nothing on the volume is changed.</p>
      <PathField path={path} set={set_path} />
      {wrong && <ProblemBox problem={wrong} />}
      {wrong && <Tick label="All of its files were replaced: it is this folder all the same" on={anyway} set={set_anyway} />}
    </Dialog>
  );
}

export function Places() {
  const list = use_load<Place[]>("/places");
  const busy = !!list.value?.some(is_busy);
  useEffect(() => subscribe({ kinds: ["place."], hear: list.reload, caught_up: list.reload }), []);
  useEffect(() => {
    if (!busy) return;
    const timer = window.setInterval(list.reload, LOOK_MS);
    return () => window.clearInterval(timer);
  }, [busy]);
  const add = () => void open_dialog((close) => <AddDialog close={close} made={list.reload} />);
  const move = (p: Place) => void open_dialog((close) => <MoveDialog place={p} close={close} moved={list.reload} />);
  const forget = (p: Place) =>
    void ask({ title: `Forget ${p.path}?`, text: "Its assets go among the deleted ones, save those that were copied into the house. The files on the volume stay as they are.", yes: "Forget it", danger: true }).then((yes) => { if (yes) del(`/places/${p.id}`).then(list.reload, fail); });
  return (
    <>
      <header><h1>Media in place</h1><Button icon="plus" look="primary" run={add}>Take a folder in place</Button></header>
      <Loaded from={list}>
        {(all) => all.length === 0 ? (
          <Empty title="No media is in place">
            <p>A folder of a NAS or a disk becomes part of a project as it lies: it is only read, hashed in the background, and what changes there is seen here. Nothing is copied until somebody asks.</p>
          </Empty>
        ) : (
          <Table name="Media in place" head={["Folder", "Project", "State", "Files", "Size", "Hashed", ""]}>
            {all.map((p) => (
              <tr key={p.id}>
                <td class="mono" title={`since ${exact_text(p.created)}, by ${p.by}`}>{p.path}<Remarks p={p} /></td>
                <td><a href={to.library(p.project)}>{p.project_name}</a></td>
                <td><State p={p} /></td>
                <td class="mono">{count_text(p.files)}</td>
                <td class="mono">{size_text(p.bytes)}</td>
                <td><Hashed p={p} /></td>
                <td class="right">
                  {p.state !== "leaving" && <><Button name={`Look at all of ${p.path} now`} run={() => void post(`/places/${p.id}/scan`).then(list.reload, fail)}>Look now</Button> {p.state === "offline" && <Button name={`Say where ${p.path} is now`} run={() => move(p)}>It is elsewhere…</Button>} <Button icon="close" look="plain" name={`Forget ${p.path}`} run={() => forget(p)} /></>}
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Loaded>
    </>
  );
}
