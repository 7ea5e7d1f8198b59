/*
 * library/fields: what people add to assets: values of what is chosen, a filter over all of it, saved searches, columns, tables in and out. Loaded when first opened.
 */
import type { Asset, Field as FieldRow, FieldImport, FieldValue, Folder, ImportRow, SavedSearch, ValueChange } from "api-types";
import { useEffect, useRef, useState } from "preact/hooks";
import { base, del, get, me, post, problem, problem_of, with_query } from "../app/api";
import { set_query, to } from "../app/router";
import { run_key, runs } from "../app/runs";
import { may } from "../app/session";
import { run_words } from "../parts/activity";
import { Button } from "../parts/button";
import { Dialog, open_dialog } from "../parts/dialog";
import { Choice, Field, Tick } from "../parts/field";
import { count_text, exact_text, plural } from "../parts/format";
import { ProblemBox } from "../parts/problem";
import { Progress } from "../parts/progress";
import { tell, tell_problem } from "../parts/toast";
import sheet from "./fields.css?url";
import { asks_value, how_of, what_of, where_read, where_text, where_words, type Condition } from "./fields_model";

export { sheet };

type Wrong = ReturnType<typeof problem_of> | null;

export function undo_change(project: string, c: { number: number }, done: () => void): void {
  post<ValueChange>(`/projects/${project}/value-changes/${c.number}/undo`).then((u) => { tell(u.run && !u.run.ended ? `${plural(u.run.total, "value")} are being put back` : `${plural(u.count, "value")} put back`); done(); }, (e: unknown) => tell_problem(problem_of(e)));
}

// ---- values of one asset, with where each comes from

const source_words = (f: FieldValue): string => {
  const last = f.history[0];
  if (!last) return "";
  return last.from === "file" ? last.by : last.from === "import" ? `${last.title} line ${last.line}` : last.by;
};

export function FieldGroup({ asset, fields, changed }: { asset: Asset; fields: readonly FieldRow[]; changed: () => void }) {
  const [values, set_values] = useState<FieldValue[]>([]);
  const [open, set_open] = useState<string | null>(null);
  const said = JSON.stringify(asset.fields ?? {});
  useEffect(() => {
    let gone = false;
    get<FieldValue[]>(`/assets/${asset.id}/values`).then((v) => { if (!gone) set_values(v); }, () => undefined);
    return () => { gone = true; };
  }, [asset.id, said]);
  const of = (key: string) => values.find((v) => v.field === key);
  return (
    <section class="field-values">
      <h3>Fields</h3>
      <dl>
        {fields.map((f) => {
          const v = of(f.key);
          return (
            <div key={f.key}>
              <dt>{f.name}</dt>
              <dd>
                {v?.value || <span class="quiet">–</span>}
                {v && <button type="button" class="quiet source" aria-expanded={open === f.key} title="What it was before" onClick={() => set_open(open === f.key ? null : f.key)}>{source_words(v)}</button>}
                {open === f.key && v && <ol class="history">{v.history.map((h) => <li key={h.change}><span class="mono">{h.value || "taken away"}</span><span class="quiet"> {h.from === "import" ? `${h.title}, line ${h.line}, by ${h.by}` : h.by}, {exact_text(h.at)}</span></li>)}</ol>}
              </dd>
            </div>
          );
        })}
      </dl>
      {asset.take && (
        <dl>
          {asset.take.with.map((w) => (
            <div key={w.asset}>
              <dt>Take with</dt>
              <dd>
                <a href={to.review(asset.project, w.asset)}>{w.name}</a>
                <span class="quiet source">{w.offset_frames === null || w.offset_frames === undefined ? "by hand" : `${w.offset_frames >= 0 ? "+" : "−"}${Math.abs(w.offset_frames)} frames${w.by_hand ? ", by hand" : ""}`}</span>
                {may("edit") && <Button look="plain" run={() => void post(`/projects/${asset.project}/takes`, { assets: [asset.id, w.asset], together: false }).then(changed, (e: unknown) => tell_problem(problem_of(e)))}>Take apart</Button>}
              </dd>
            </div>
          ))}
        </dl>
      )}
      {may("edit") && <div class="acts"><Button icon="pencil" keys="Ctrl+E" run={() => void open_dialog((close) => <EditDialog assets={[asset]} fields={fields} close={close} done={changed} />)}>Edit fields</Button></div>}
    </section>
  );
}

// ---- bulk edit: only what is typed is set

const mixed = (assets: readonly Asset[], key: string): { value: string; several: boolean } => {
  const all = new Set(assets.map((a) => (a.fields as Record<string, string> | null | undefined)?.[key] ?? ""));
  return { value: all.size === 1 ? ([...all][0] ?? "") : "", several: all.size > 1 };
};

export function EditDialog({ assets, fields, close, done }: { assets: readonly Asset[]; fields: readonly FieldRow[]; close: () => void; done: () => void }) {
  const project = assets[0]?.project ?? "";
  const [typed, set_typed] = useState<Record<string, string>>({});
  const [wrong, set_wrong] = useState<Wrong>(null);
  const [busy, set_busy] = useState(false);
  const pair = assets.length === 2 && assets.filter((a) => a.kind === "sound").length === 1;
  const send = () => {
    const set = Object.entries(typed).map(([field, value]) => ({ field, value }));
    if (!set.length) return close();
    set_busy(true);
    post<ValueChange>(`/projects/${project}/values`, { assets: assets.map((a) => a.id), set }).then(
      (c) => { close(); done(); tell(`${plural(c.count, "value")} set`, c.number ? { name: "Undo", run: () => undo_change(project, c, done) } : undefined); },
      (e: unknown) => { set_wrong(problem_of(e)); set_busy(false); },
    );
  };
  return (
    <Dialog title={assets.length === 1 ? `Fields of ${assets[0]?.name ?? ""}` : `Fields of ${plural(assets.length, "asset")}`} close={close} submit={send} stay footer={<Button submit look="primary" busy={busy} disabled={!Object.keys(typed).length}>Set</Button>}>
      {fields.map((f, i) => {
        const now = mixed(assets, f.key);
        const value = typed[f.key] ?? now.value;
        const type = (v: string) => set_typed((t) => ({ ...t, [f.key]: v }));
        const hint = now.several && typed[f.key] === undefined ? "several values; what you type goes to all of them" : undefined;
        if (f.type === "choice" || f.type === "yesno")
          return <Choice key={f.key} label={f.name} value={value} set={type} hint={hint} options={[{ value: "", label: now.several ? "several values" : "none" }, ...(f.type === "yesno" ? ["yes", "no"] : f.choices).map((c) => ({ value: c, label: c }))]} />;
        return <Field key={f.key} label={f.name} value={value} set={type} focus={i === 0} hint={hint} type={f.type === "date" ? "date" : "text"} placeholder={f.type === "timecode" ? "01:00:00:00" : undefined} maxlength={4000} />;
      })}
      {pair && <Button run={() => void post(`/projects/${project}/takes`, { assets: assets.map((a) => a.id), together: true }).then(() => { close(); done(); tell("They are one take"); }, (e: unknown) => set_wrong(problem_of(e)))}>Make them one take</Button>}
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

// ---- the filter, and searches that are kept

export function FilterDialog({ project, fields, where, query, close }: { project: string; fields: readonly FieldRow[]; where: string; query: Readonly<Record<string, string>>; close: () => void }) {
  const read = where_read(where);
  const [list, set_list] = useState<Condition[]>(read.conditions.length ? read.conditions : [{ of: fields[0]?.key ?? "name", is: "contains" }]);
  const [any, set_any] = useState(read.any);
  const [saved, set_saved] = useState<SavedSearch[]>([]);
  const [name, set_name] = useState("");
  const [shared, set_shared] = useState(false);
  const [wrong, set_wrong] = useState<Wrong>(null);
  const fail = (e: unknown) => set_wrong(problem_of(e));
  useEffect(() => void get<SavedSearch[]>(`/projects/${project}/searches`).then(set_saved, () => undefined), []);
  const change = (i: number, what: Partial<Condition>) => set_list(list.map((c, k) => (k === i ? { ...c, ...what } : c)));
  const use = (text: string, more: Record<string, string | null> = {}) => { set_query({ where: text || null, ...more }); close(); };
  const keep = () => {
    const text = where_text(list, any);
    if (!text || !name.trim()) return;
    const { folder: _folder, q: _q, where: _where, ...shown } = query;
    post<SavedSearch[]>(`/projects/${project}/searches`, { name: name.trim(), shared, query: { ...shown, where: JSON.parse(text) as unknown } }).then((all) => { set_saved(all); set_name(""); }, fail);
  };
  const open = (s: SavedSearch) => {
    const { where: w, ...more } = s.query as Record<string, unknown>;
    use(JSON.stringify(w), Object.fromEntries(Object.entries(more).filter((e): e is [string, string] => typeof e[1] === "string")));
  };
  return (
    <Dialog wide title="Filter" close={close} submit={() => use(where_text(list, any))} footer={<><Button run={() => use("")}>Show everything</Button><Button submit look="primary">Show</Button></>}>
      <div class="conditions">
        {list.map((c, i) => (
          <div class="condition" key={i} role="group" aria-label={`Condition ${i + 1}`}>
            <select class="input" aria-label="What" value={c.of} onChange={(e) => change(i, { of: e.currentTarget.value, is: how_of(e.currentTarget.value, fields)[0]?.value ?? "equals" })}>
              {what_of(fields).map((w) => <option key={w.value} value={w.value}>{w.label}</option>)}
            </select>
            <select class="input" aria-label="How" value={c.is} onChange={(e) => change(i, { is: e.currentTarget.value })}>
              {how_of(c.of, fields).map((w) => <option key={w.value} value={w.value}>{w.label}</option>)}
            </select>
            {asks_value(c) ? <input class="input" aria-label="Value" value={c.value ?? ""} onInput={(e) => change(i, { value: e.currentTarget.value })} /> : <span />}
            {c.is === "between" ? <input class="input" aria-label="To" value={c.to ?? ""} onInput={(e) => change(i, { to: e.currentTarget.value })} /> : <span />}
            <Button icon="close" name="Take this condition out" look="plain" run={() => set_list(list.filter((_, k) => k !== i))} />
          </div>
        ))}
      </div>
      <div class="acts">
        <Button icon="plus" run={() => set_list([...list, { of: fields[0]?.key ?? "name", is: "contains" }])}>One more condition</Button>
        {list.length > 1 && <Tick label="One of them is enough" on={any} set={set_any} />}
      </div>
      {saved.length > 0 && (
        <section>
          <h3>Saved searches</h3>
          <ul class="saved">
            {saved.map((s) => (
              <li key={s.number}>
                <button type="button" onClick={() => open(s)}><b class="cut">{s.name}</b><span class="mono quiet">{count_text(s.count)}</span><span class="quiet cut">{where_words(JSON.stringify((s.query as { where?: unknown }).where ?? {}), fields)}{s.shared ? ` · shared by ${s.mine ? "you" : s.by}` : ""}</span></button>
                {(s.mine || may("manage")) && <Button icon="trash" name={`Remove ${s.name}`} look="plain" run={() => void del<SavedSearch[]>(`/projects/${project}/searches/${s.number}`).then(set_saved, fail)} />}
              </li>
            ))}
          </ul>
        </section>
      )}
      <div class="keep">
        <Field label="Keep this search as" value={name} set={set_name} maxlength={100} />
        {may("edit") && <Tick label="For everybody in the project" on={shared} set={set_shared} />}
        <Button disabled={!name.trim() || !where_text(list, any)} run={keep}>Keep it</Button>
      </div>
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

// ---- columns of the list, and the project's fields

export function ColumnsDialog({ project, fields, columns, close, changed }: { project: string; fields: readonly FieldRow[]; columns: readonly string[]; close: () => void; changed: () => void }) {
  const [all, set_all] = useState(fields);
  const [on, set_on] = useState<string[]>(columns.filter((k) => fields.some((f) => f.key === k)));
  const [name, set_name] = useState("");
  const [type, set_type] = useState<FieldRow["type"]>("text");
  const [choices, set_choices] = useState("");
  const [wrong, set_wrong] = useState<Wrong>(null);
  const move = (key: string, by: number) => {
    const at = on.indexOf(key);
    const next = on.filter((k) => k !== key);
    next.splice(Math.max(0, at + by), 0, key);
    set_on(next);
  };
  const add = () =>
    void post<FieldRow[]>(`/projects/${project}/fields`, { name: name.trim(), type, choices: type === "choice" ? choices.split(",").map((c) => c.trim()).filter(Boolean) : null }).then(
      (list) => { const made = list[list.length - 1]; set_all(list); if (made) set_on([...on, made.key]); set_name(""); set_wrong(null); changed(); }, (e: unknown) => set_wrong(problem_of(e)));
  const remove = (f: FieldRow) => void del<FieldRow[]>(`/projects/${project}/fields/${f.number}`).then((list) => { set_all(list); set_on(on.filter((k) => k !== f.key)); changed(); }, (e: unknown) => set_wrong(problem_of(e)));
  const rows = [...on.map((k) => all.find((f) => f.key === k)).filter((f): f is FieldRow => !!f), ...all.filter((f) => !on.includes(f.key))];
  return (
    <Dialog title="Columns and fields" close={close} submit={() => { set_query({ cols: on.join(",") || null, view: "list" }); close(); }} footer={<Button submit look="primary">Show these columns</Button>}>
      <ul class="saved">
        {rows.map((f) => (
          <li key={f.key}>
            <Tick label={f.name} on={on.includes(f.key)} set={(yes) => set_on(yes ? [...on, f.key] : on.filter((k) => k !== f.key))} />
            <span class="quiet">{f.type}</span>
            {on.includes(f.key) && <Button icon="sort_up" name={`${f.name} further left`} look="plain" disabled={on[0] === f.key} run={() => move(f.key, -1)} />}
            {may("edit") && <Button icon="trash" name={`Remove the field ${f.name}`} look="plain" run={() => remove(f)} />}
          </li>
        ))}
      </ul>
      {may("edit") && (
        <section class="keep">
          <Field label="A new field" value={name} set={set_name} maxlength={60} />
          <Choice label="Type" value={type} set={set_type} options={[{ value: "text", label: "text" }, { value: "number", label: "number" }, { value: "choice", label: "choice" }, { value: "date", label: "date" }, { value: "yesno", label: "yes or no" }, { value: "timecode", label: "timecode" }]} />
          {type === "choice" && <Field label="Choices, with commas between" value={choices} set={set_choices} />}
          <Button disabled={!name.trim()} run={add}>Add it</Button>
        </section>
      )}
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

// ---- a table in: first what it would do

const SHOWN = 100;

// Rows that several assets fit: each waits for a choice, which can be another one later; else it is left out.
function Which({ rows, folders, project, choose, set_choose }: { rows: readonly ImportRow[]; folders: readonly Folder[]; project: string; choose: Readonly<Record<string, string>>; set_choose: (c: Record<string, string>) => void }) {
  const pick = (line: number, asset: string) => {
    const { [String(line)]: _before, ...others } = choose;
    set_choose(asset ? { ...others, [String(line)]: asset } : others);
  };
  return (
    <section class="which"><h3>Which one is it?</h3>
      {rows.slice(0, SHOWN).map((r) => (
        <fieldset key={r.line}>
          <legend><span class="mono quiet">line {r.line}</span> {r.name}: {r.why}</legend>
          {[{ asset: "", name: "Leave it out", folder: "", timecode: "", created: "" }, ...(r.candidates ?? [])].map((c) => (
            <label key={c.asset} class="tick"><input type="radio" name={`line-${r.line}`} checked={(choose[String(r.line)] ?? "") === c.asset} onChange={() => pick(r.line, c.asset)} /> {c.name}
              {c.asset && <span class="quiet"> {folders.find((f) => f.id === c.folder)?.name ?? "in no folder"} · <span class="mono">{c.timecode || "no timecode"}</span> · {exact_text(c.created)} <a href={to.review(project, c.asset)} target="_blank" rel="noopener">look</a></span>}
            </label>
          ))}
        </fieldset>
      ))}
      {rows.length > SHOWN && <p class="quiet">{count_text(rows.length - SHOWN)} more are left out: bring the table in once more for them</p>}
    </section>
  );
}

// A table that is being set: it goes on when this is closed.
function Setting({ title, change, project }: { title: string; change: ValueChange; project: string }) {
  const run = (runs.value.get(run_key(project, change.number)) ?? change).run;
  if (!run) return null;
  return <div role="status"><p>{title} is being brought in. It goes on when this is closed; the activity list shows it.</p><Progress part={run.done / run.total} name={title} /><p class="mono quiet">{run_words(run)}</p></div>;
}

// Until all of it is set.
async function ended(project: string, number: number, seen: (c: ValueChange) => void): Promise<ValueChange> {
  for (;;) {
    const c = await get<ValueChange>(`/projects/${project}/value-changes/${number}`);
    if (!c.run || c.run.ended) return c;
    seen(c);
    await new Promise((done) => window.setTimeout(done, 500));
  }
}

export function ImportDialog({ project, fields, folders, file, close, done }: { project: string; fields: readonly FieldRow[]; folders: readonly Folder[]; file: File; close: () => void; done: () => void }) {
  const [plan, set_plan] = useState<FieldImport | null>(null);
  const [wrong, set_wrong] = useState<Wrong>(null);
  const [busy, set_busy] = useState(true);
  const [setting, set_setting] = useState<ValueChange | null>(null);
  const [columns, set_columns] = useState<Record<string, string>>({});
  const [choose, set_choose] = useState<Record<string, string>>({});
  const [make, set_make] = useState(false);
  const [headless, set_headless] = useState(false);
  const turn = useRef(0); // the last question: answers to others come too late
  const brought = async (p: FieldImport) => {
    const c = await ended(project, p.change ?? 0, set_setting);
    close();
    done();
    tell(`${plural(c.count, "value")} from ${file.name}${c.run?.stayed ? `; ${plural(c.run.stayed, "value")} that others set meanwhile stay` : ""}`, { name: "Undo", run: () => undo_change(project, c, done) });
  };
  const ask = (apply: string | null) => {
    const mine = ++turn.current;
    set_busy(true);
    const query = { name: file.name, plan: apply, make: make ? "1" : null, headless: headless ? "1" : null, columns: Object.keys(columns).length ? JSON.stringify(columns) : null, choose: Object.keys(choose).length ? JSON.stringify(choose) : null };
    post<FieldImport>(with_query(`/projects/${project}/table`, query), file).then(
      (p) => {
        if (mine !== turn.current) return;
        set_wrong(null);
        if (apply) return brought(p);
        set_busy(false);
        set_plan(p);
      },
    ).catch((e: unknown) => { if (mine === turn.current) { set_wrong(problem_of(e)); set_busy(false); } });
  };
  useEffect(() => ask(null), [JSON.stringify(columns), JSON.stringify(choose), make, headless]);
  if (setting) return <Dialog wide stay title={`Bringing in ${file.name}`} close={close} footer={<Button run={close}>Close</Button>}><Setting title={file.name} change={setting} project={project} /></Dialog>;
  const several = plan ? [...plan.ambiguous, ...plan.chosen].sort((a, b) => a.line - b.line) : [];
  const as = [{ value: "", label: "not taken" }, { value: "name", label: "finds by name" }, { value: "reel", label: "finds by reel" }, { value: "start", label: "finds by start timecode" }, { value: "id", label: "finds by id" }, ...fields.map((f) => ({ value: f.key, label: `sets ${f.name}` }))];
  return (
    <Dialog wide stay title={`Bring in ${file.name}`} close={close} submit={() => plan && plan.change_count > 0 && ask(plan.plan)} footer={<Button submit look="primary" busy={busy} disabled={!plan || !plan.change_count || !!wrong}>{plan ? `Change ${plural(plan.change_count, "value")}` : "Looking"}</Button>}>
      {plan && (
        <>
          <p class="sums" role="status"><b>{count_text(plan.matched)}</b> of {count_text(plan.rows)} rows match, {count_text(plan.unmatched_count)} do not, {count_text(plan.ambiguous_count)} fit several assets. {count_text(plan.same)} values are so already. <span class="quiet">{plan.format.toUpperCase()}, {plan.encoding}</span></p>
          <div class="columns-as">
            {plan.columns.filter((c) => c.name).map((c) => (
              <label key={c.name}><span class="cut">{c.name}</span>
                <select class="input" value={c.as === "new" ? "" : c.as} onChange={(e) => set_columns({ ...columns, [c.name]: e.currentTarget.value })}>
                  {as.map((o) => <option key={o.value} value={o.value}>{c.as === "new" && !o.value ? "a new field" : o.label}</option>)}
                </select>
              </label>
            ))}
          </div>
          <div class="acts"><Tick label="Make fields of the other columns" on={make} set={set_make} /><Tick label="The first line is data, too" on={headless} set={set_headless} /></div>
          {several.length > 0 && <Which rows={several} folders={folders} project={project} choose={choose} set_choose={set_choose} />}
          {plan.changes.length > 0 && (
            <table class="table"><thead><tr><th>Line</th><th>Asset</th><th>Field</th><th>Was</th><th>Becomes</th></tr></thead>
              <tbody>{plan.changes.slice(0, SHOWN).map((c) => <tr key={`${c.line} ${c.field}`}><td class="mono">{c.line}</td><td>{c.name}</td><td>{c.field}</td><td class="quiet">{c.was || "–"}</td><td>{c.to || "taken away"}</td></tr>)}</tbody>
            </table>
          )}
          {plan.change_count > SHOWN && <p class="quiet">and {count_text(plan.change_count - Math.min(SHOWN, plan.changes.length))} more</p>}
          {(plan.unmatched.length > 0 || plan.bad.length > 0 || plan.said.length > 0) && (
            <section><h3>Left out</h3>
              <ul class="plain quiet">
                {plan.bad.slice(0, SHOWN).map((b) => <li key={`b${b.line} ${b.column}`}><span class="mono">{b.line}</span> {b.column} “{b.value}”: {b.why}</li>)}
                {plan.unmatched.slice(0, SHOWN).map((r) => <li key={`u${r.line}`}><span class="mono">{r.line}</span> {r.name}: {r.why}</li>)}
                {plan.said.map((s, i) => <li key={`s${i}`}><span class="mono">{s.line}</span> {s.why}</li>)}
              </ul>
            </section>
          )}
        </>
      )}
      {wrong && <ProblemBox problem={wrong} retry={() => ask(null)} />}
    </Dialog>
  );
}

// ---- a table out

export async function export_table(project: string, format: "csv" | "ale", assets: readonly Asset[] | null, find: Record<string, unknown>): Promise<void> {
  const answer = await fetch(`${base}/projects/${project}/table/export`, {
    method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json", "X-CSRF": me.value?.csrf ?? "" },
    body: JSON.stringify(assets ? { format, assets: assets.map((a) => a.id) } : { format, ...find }),
  });
  if (!answer.ok) return tell_problem(problem("unknown", "The table could not be made", `the house answered ${answer.status}`, "try it again"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = `assets.${format}`;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  const changed = Number(/changed=(\d+)/.exec(answer.headers.get("Posthouse-Table") ?? "")?.[1] ?? 0);
  tell(changed ? `${plural(changed, "cell")} ${format === "csv" ? "would be formulas in a spreadsheet: they have a ' before them" : "had tabs or line ends: they are spaces now"}` : "The table is saved");
}

