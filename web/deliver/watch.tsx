// deliver/watch: what lands in a folder becomes these deliverables and goes there.
import type { Destination, Folder, Problem, Profile, WatchRule, WatchRun } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { del, get, patch, post, problem_of } from "../app/api";
import { subscribe } from "../app/events";
import { to } from "../app/router";
import { may } from "../app/session";
import { Button } from "../parts/button";
import { Dialog, ask, open_dialog } from "../parts/dialog";
import { Choice, Field, Tick } from "../parts/field";
import { plural } from "../parts/format";
import { Loaded, use_load } from "../parts/load";
import { ProblemBox } from "../parts/problem";
import { Ago } from "../parts/time";
import { tell_problem } from "../parts/toast";

const fail = (e: unknown) => tell_problem(problem_of(e));

function NewRule({ project, close }: { project: string; close: () => void }) {
  const [folders, set_folders] = useState<Folder[]>([]);
  const [profiles, set_profiles] = useState<Profile[]>([]);
  const [destinations, set_destinations] = useState<Destination[]>([]);
  const [name, set_name] = useState("");
  const [folder, set_folder] = useState("");
  const [where, set_where] = useState("");
  const [chosen, set_chosen] = useState<readonly string[]>([]);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  useEffect(() => {
    const bad = (e: unknown) => set_wrong(problem_of(e));
    get<Folder[]>(`/projects/${project}/folders`).then(set_folders, bad);
    get<Profile[]>("/profiles").then((all) => set_profiles(all.filter((p) => !p.checks_only)), bad);
    get<Destination[]>("/destinations").then(set_destinations, bad);
  }, []);
  const save = () => void post<WatchRule[]>(`/projects/${project}/watch-rules`, { name, folder: folder || null, profiles: chosen, destination: where || null }).then(close, (e: unknown) => set_wrong(problem_of(e)));
  const good = name.trim() !== "" && chosen.length > 0;
  return (
    <Dialog wide title="A watch rule" close={close} submit={() => good && save()} footer={<Button submit look="primary" disabled={!good}>Watch</Button>}>
      <Field label="Name" value={name} set={set_name} required focus maxlength={100} />
      <Choice label="What lands in" value={folder} set={set_folder} options={[{ value: "", label: "anywhere in the project" }, ...folders.map((f) => ({ value: f.id, label: `${f.name}, with the folders in it` }))]} />
      <fieldset class="ticks"><legend>becomes</legend>
        {profiles.map((p) => <Tick key={p.name} label={p.title} on={chosen.includes(p.name)} set={(on) => set_chosen((all) => (on ? [...all, p.name] : all.filter((n) => n !== p.name)))} />)}
      </fieldset>
      <Choice label="and" value={where} set={set_where} options={[{ value: "", label: "stays in the house" }, ...destinations.map((d) => ({ value: d.id, label: `goes to ${d.name}` }))]} />
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

export function WatchRules({ project }: { project: string }) {
  const rules = use_load<WatchRule[]>(`/projects/${project}/watch-rules`);
  const bad = use_load<WatchRun[]>(`/projects/${project}/watch-runs?bad=1`);
  const again = () => { rules.reload(); bad.reload(); };
  useEffect(() => subscribe({ project, kinds: ["watch.changed"], hear: again, caught_up: again }), [project]);
  return (
    <section>
      <header class="line"><h2>Watch rules</h2>{may("deliver") && <Button icon="plus" run={() => void open_dialog((close) => <NewRule project={project} close={() => { close(); again(); }} />)}>New rule</Button>}</header>
      {bad.value?.map((r) => r.problem && (
        <ProblemBox key={`${r.version}${r.profile}`} problem={{ ...r.problem, title: `${r.name} did not become ${r.profile}: ${r.problem.title}` }} retry={may("deliver") ? () => void post(`/watch-rules/${r.rule}/again`).then(again, fail) : undefined} acts={<a class="button" href={to.review(project, r.asset)}>Open {r.name}</a>} />
      ))}
      <Loaded from={rules}>
        {(all) => all.length === 0 ? <p class="quiet">None. A rule makes what lands in a folder into deliverables by itself, and sends them.</p> : (
          <div class="scroll-x" tabIndex={0} role="region" aria-label="Watch rules">
            <table class="table">
              <thead><tr><th>Rule</th><th>What lands in</th><th>becomes</th><th>and goes to</th><th>So far</th><th>Made</th><th><span class="seen-by-readers">Acts</span></th></tr></thead>
              <tbody>
                {all.map((r) => (
                  <tr key={r.id}>
                    <td>{r.name}{!r.enabled && <span class="note"> rests</span>}</td><td>{r.where}</td><td><code>{r.profiles.join(", ")}</code></td><td>{r.to ?? <span class="quiet">stays</span>}</td>
                    <td>{plural(r.runs - r.problems, "deliverable")}{r.problems > 0 && <span class="bad">, {plural(r.problems, "problem")}</span>}</td>
                    <td><Ago at={r.created} /> <span class="quiet">{r.by}</span></td>
                    <td class="right">
                      {may("deliver") && <Button run={() => void patch(`/watch-rules/${r.id}`, { enabled: !r.enabled }).then(again, fail)}>{r.enabled ? "Rest" : "Go on"}</Button>}
                      {may("deliver") && <Button icon="close" name={`Take ${r.name} away`} look="plain" run={() => void ask({ title: `Take the rule ${r.name} away?`, text: "What it has made stays.", yes: "Take away", danger: true }).then((yes) => { if (yes) del(`/watch-rules/${r.id}`).then(again, fail); })} />}
                    </td>
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
