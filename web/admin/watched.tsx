// admin/watched: folders that the house itself watches: what came, what waits and why, the way out.
import type { NewWatchedFolder, Problem, WatchRules, WatchedFolder } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { del, patch, post, problem_of } from "../app/api";
import { subscribe } from "../app/events";
import { projects } from "../app/session";
import { Button } from "../parts/button";
import { Dialog, ask, open_dialog } from "../parts/dialog";
import { Choice, Field, Tick } from "../parts/field";
import { count_text, plural, size_text } from "../parts/format";
import { Loaded, use_load } from "../parts/load";
import { Empty, ProblemBox } from "../parts/problem";
import { Ago } from "../parts/time";
import { tell_problem } from "../parts/toast";
import { PathField } from "./places";

const fail = (e: unknown) => tell_problem(problem_of(e));
const afters = [{ value: "leave", label: "is left where it is" }, { value: "move", label: "is moved to done/" }, { value: "delete", label: "is deleted there" }] as const;
const lists = [{ value: "verify", label: "verified where there is one" }, { value: "make", label: "made where there is none" }, { value: "off", label: "not looked at" }] as const;
const patterns = (typed: string): string[] => typed.split(",").map((p) => p.trim()).filter(Boolean);

function WatchDialog({ close, done }: { close: () => void; done: (list: WatchedFolder[]) => void }) {
  const [path, set_path] = useState("");
  const [project, set_project] = useState(projects.value[0]?.id ?? "");
  const [folder, set_folder] = useState("");
  const [after, set_after] = useState<"leave" | "move" | "delete">("leave");
  const [list, set_list] = useState<"verify" | "make" | "off">("verify");
  const [growing, set_growing] = useState(false);
  const [age, set_age] = useState("0");
  const [include, set_include] = useState("");
  const [exclude, set_exclude] = useState("");
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const save = () => {
    const rules: WatchRules = { after, lists: list, growing, age: Math.max(0, Math.floor(Number(age)) || 0), ...(include.trim() && { include: patterns(include) }), ...(exclude.trim() && { exclude: patterns(exclude) }) };
    const body: NewWatchedFolder = { path: path.trim(), project, rules, ...(folder.trim() && { folder: folder.trim() }) };
    post<WatchedFolder[]>("/watched", body).then((all) => { done(all); close(); }, (e: unknown) => set_wrong(problem_of(e)));
  };
  return (
    <Dialog wide title="Watch a folder" close={close} stay submit={save} footer={<Button submit look="primary" disabled={!path.trim() || !project}>Watch it</Button>}>
      <PathField path={path} set={set_path} hint="The house's own user must be able to read it." />
      <Choice label="What comes goes to" value={project} set={set_project} options={projects.value.map((p) => ({ value: p.id, label: p.name }))} />
      <Field label="Folder there (optional)" value={folder} set={set_folder} placeholder="Day 1/Cards" hint="made when missing; watch rules of the project make deliverables of what lands in it" />
      <Choice<"leave" | "move" | "delete"> label="What the house has, verified," value={after} set={set_after} options={[...afters]} />
      <Choice<"verify" | "make" | "off"> label="Lists of hashes (ASC MHL) of cards are" value={list} set={set_list} options={[...lists]} />
      <Field label="Least age in seconds" type="number" min="0" value={age} set={set_age} hint="for shares on which the house can not see who writes (NFS, SMB)" />
      <Field label="Only files like (optional)" value={include} set={set_include} placeholder="*.mov, *.mxf" />
      <Field label="Not files like (optional)" value={exclude} set={set_exclude} placeholder="*_proxy.*" />
      <Tick label="Recordings go while they are written" on={growing} set={set_growing} />
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

function Waits({ w, take }: { w: WatchedFolder; take: (name: string) => void }) {
  const [all, set_all] = useState(false);
  const waits = (w.state?.waits ?? []).filter((x) => !x.soon);
  if (!waits.length) return null;
  return (
    <ul class="watched-waits">
      {waits.slice(0, all ? waits.length : 5).map((x) => (
        <li key={x.path}>
          <b class="mono">{x.path}</b>: {x.why}. <span class="quiet">{x.fix.split(": --as-it-is")[0]}</span>
          {x.fix.includes("--as-it-is") && <> <Button run={() => take(x.path)}>Take it as it is</Button></>}
        </li>
      ))}
      {!all && waits.length > 5 && <li><Button look="plain" run={() => set_all(true)}>{`${count_text(waits.length - 5)} more`}</Button></li>}
    </ul>
  );
}

export function standing(w: WatchedFolder): { word: string; look: "good" | "busy" | "bad" | "" } {
  if (!w.enabled) return { word: "rests", look: "" };
  if (w.state?.problem) return { word: w.state.problem.what, look: "bad" };
  if (w.silent) return { word: w.heard ? "nothing is heard of it" : "is being started", look: w.heard ? "bad" : "busy" };
  const soon = (w.state?.waits ?? []).some((x) => x.soon);
  return soon ? { word: "something is coming", look: "busy" } : { word: "watching", look: "good" };
}

export function Watched() {
  const list = use_load<WatchedFolder[]>("/watched");
  useEffect(() => subscribe({ kinds: ["watched."], hear: list.reload, caught_up: list.reload }), []);
  const act = (p: Promise<WatchedFolder[]>) => void p.then(list.reload, fail);
  const take = (w: WatchedFolder, name: string) =>
    void ask({ title: `Take ${name} as it is?`, text: "Its own index lists clips that are not there. What is there comes in; the rest can follow.", yes: "Take it" }).then((yes) => { if (yes) act(post<WatchedFolder[]>(`/watched/${w.id}/take`, { name })); });
  return (
    <>
      <header><h1>Watched folders</h1><Button icon="plus" look="primary" run={() => void open_dialog((close) => <WatchDialog close={close} done={() => list.reload()} />)}>Watch a folder</Button></header>
      <Loaded from={list}>
        {(rows) => rows.length === 0 ? (
          <Empty title="The house watches no folder yet"><p>What comes to rest in a watched folder goes into a project by itself: camera cards as a whole, when their index misses nothing; each file once, verified.</p><p>Elsewhere: <code>posthouse watch FOLDER --to PROJECT</code></p></Empty>
        ) : (
          <>
            {rows.map((w) => {
              const s = standing(w);
              return (
                <section key={w.id} class="watched" aria-label={w.path}>
                  <header class="line">
                    <div>
                      <h2 class="mono">{w.path}</h2>
                      <p>to {w.project_name}{w.folder && `/${w.folder}`} · <span class={s.look} role="status">{s.word}</span>{w.state && w.state.files > 0 && ` · ${plural(w.state.files, "file")}, ${size_text(w.state.bytes)} since it was started`}</p>
                    </div>
                    <span>
                      <Button run={() => act(patch<WatchedFolder[]>(`/watched/${w.id}`, { enabled: !w.enabled }))}>{w.enabled ? "Let it rest" : "Go on"}</Button>{" "}
                      <Button icon="close" name={`Watch ${w.path} no more`} look="plain" run={() => void ask({ title: `Watch ${w.path} no more?`, text: "What came stays in the house, what lies there stays there.", yes: "Watch it no more", danger: true }).then((yes) => { if (yes) act(del<WatchedFolder[]>(`/watched/${w.id}`)); })} />
                    </span>
                  </header>
                  {w.state?.problem && <p class="bad">{w.state.problem.why}{w.state.problem.why && w.state.problem.fix && "; "}{w.state.problem.fix}</p>}
                  <Waits w={w} take={(name) => take(w, name)} />
                  {(w.state?.arrivals ?? []).slice(0, 5).map((a) => <p key={a.at + a.what} class="quiet"><Ago at={a.at} /> came <span class="mono">{a.what}</span>, {size_text(a.bytes)}</p>)}
                </section>
              );
            })}
          </>
        )}
      </Loaded>
    </>
  );
}
