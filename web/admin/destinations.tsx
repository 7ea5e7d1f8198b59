// admin/destinations: where deliverables go, and who is told of them.
import type { Destination, DestinationKind, DestinationTest, HookList, HookMade, Notice, Problem } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { del, get, patch, post, problem_of } from "../app/api";
import { subscribe } from "../app/events";
import { Button, CopyLine } from "../parts/button";
import { Dialog, ask, open_dialog } from "../parts/dialog";
import { Choice, Field } from "../parts/field";
import { Loaded, use_load } from "../parts/load";
import { Empty, ProblemBox } from "../parts/problem";
import { Ago } from "../parts/time";
import { tell, tell_problem } from "../parts/toast";

const fail = (e: unknown) => tell_problem(problem_of(e));

// What was typed, as the setting wants it. Lists are lines, objects are lines NAME=VALUE.
function value_of(type: string, typed: string): unknown {
  const lines = typed.split("\n").map((l) => l.trim()).filter(Boolean);
  if (type === "i") return Number(typed);
  if (type === "T") return lines;
  if (type === "o") return Object.fromEntries(lines.map((l) => [l.slice(0, l.indexOf("=")).trim(), l.slice(l.indexOf("=") + 1).trim()]));
  return typed;
}
function shown(value: unknown): string {
  if (Array.isArray(value)) return value.join("\n");
  if (value && typeof value === "object") return Object.entries(value).map(([k, v]) => `${k}=${String(v)}`).join("\n");
  return value === undefined || value === null ? "" : String(value);
}

function Lines({ label, value, set, hint }: { label: string; value: string; set: (v: string) => void; hint: string }) {
  return (
    <label class="field"><span>{label}</span><textarea class="input" rows={4} value={value} onInput={(e) => set(e.currentTarget.value)} /><span class="hint">{hint}</span></label>
  );
}

function DestinationDialog({ old, close }: { old: Destination | null; close: () => void }) {
  const [kinds, set_kinds] = useState<DestinationKind[]>([]);
  const [kind, set_kind] = useState(old?.kind ?? "folder");
  const [name, set_name] = useState(old?.name ?? "");
  const [typed, set_typed] = useState<Record<string, string>>({});
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  useEffect(() => {
    get<DestinationKind[]>("/destination-kinds").then(set_kinds, (e: unknown) => set_wrong(problem_of(e)));
  }, []);
  const fields = kinds.find((k) => k.name === kind)?.settings ?? [];
  const before = (old?.settings ?? {}) as Record<string, unknown>;
  const text = (f: string) => typed[f] ?? shown(before[f]);
  const save = () => {
    const settings: Record<string, unknown> = {}, secrets: Record<string, unknown> = {};
    for (const f of fields) {
      const value = f.secret ? typed[f.name] ?? "" : text(f.name);
      if (value.trim()) (f.secret ? secrets : settings)[f.name] = value_of(f.type, value);
    }
    set_busy(true);
    (old ? patch<Destination>(`/destinations/${old.id}`, { name, settings, secrets }) : post<Destination>("/destinations", { name, kind, settings, secrets })).then(close, (e: unknown) => set_wrong(problem_of(e))).finally(() => set_busy(false));
  };
  return (
    <Dialog wide title={old ? `Change ${old.name}` : "A destination"} close={close} stay submit={save} footer={<Button submit look="primary" busy={busy} disabled={!name.trim()}>Save</Button>}>
      <Field label="Name" value={name} set={set_name} required focus maxlength={100} />
      {!old && kinds.length > 0 && <Choice label="Kind" value={kind} set={(k) => { set_kind(k); set_typed({}); }} options={kinds.map((k) => ({ value: k.name, label: k.title }))} />}
      {fields.map((f) => {
        const set = (v: string) => set_typed((all) => ({ ...all, [f.name]: v }));
        const label = `${f.title}${f.needed ? "" : " (optional)"}`;
        const lines = f.type === "T" || f.type === "o" || f.name === "private_key";
        const hint = f.secret ? (old?.secrets ? "kept as it is when this stays empty; never shown" : "sealed; never shown again") : f.example ? `such as ${f.example}` : f.type === "o" ? "a line each: name=value" : f.type === "T" ? "a line each" : "";
        return lines ? <Lines key={f.name} label={label} value={f.secret ? typed[f.name] ?? "" : text(f.name)} set={set} hint={hint} />
          : <Field key={f.name} label={label} type={f.secret ? "password" : f.type === "i" ? "number" : "text"} value={f.secret ? typed[f.name] ?? "" : text(f.name)} set={set} hint={hint} autocomplete={f.secret ? "new-password" : "off"} />;
      })}
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

function HookDialog({ mail, close }: { mail: boolean; close: () => void }) {
  const [kind, set_kind] = useState<"webhook" | "mail">("webhook");
  const [target, set_target] = useState("");
  const [secret, set_secret] = useState("");
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const save = () => void post<HookMade>("/hooks", { kind, target }).then((made) => (made.secret ? set_secret(made.secret) : close()), (e: unknown) => set_wrong(problem_of(e)));
  if (secret)
    return (
      <Dialog title="Its secret" close={close} stay footer={<Button look="primary" run={close}>Done</Button>}>
        <p>Calls are signed with it (Posthouse-Signature). It is shown this once.</p>
        <CopyLine text={secret} name="Copy the secret" />
      </Dialog>
    );
  return (
    <Dialog title="Who is told" close={close} submit={save} footer={<Button submit look="primary" disabled={!target.trim()}>Add</Button>}>
      <Choice<"webhook" | "mail"> label="How" value={kind} set={set_kind} options={[{ value: "webhook", label: "A signed call to a web server" }, { value: "mail", label: "Mail" }]} hint={kind === "mail" && !mail ? "No mail server is set (mail.server in house.conf): nothing will go out." : undefined} />
      <Field label={kind === "webhook" ? "Address" : "E-mail"} value={target} set={set_target} focus placeholder={kind === "webhook" ? "https://" : "ada@house.example"} />
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

export function Destinations() {
  const list = use_load<Destination[]>("/destinations");
  const hooks = use_load<HookList>("/hooks");
  const notices = use_load<Notice[]>("/notices?limit=50");
  const all = () => { list.reload(); hooks.reload(); notices.reload(); };
  useEffect(() => subscribe({ kinds: ["destination."], hear: list.reload, caught_up: all }), []);
  const edit = (old: Destination | null) => void open_dialog((close) => <DestinationDialog old={old} close={() => { close(); list.reload(); }} />);
  const test = (d: Destination) => void post<DestinationTest>(`/destinations/${d.id}/test`).then((a) => tell(`${d.name}: ${a.answer}`), fail);
  return (
    <>
      <header><h1>Destinations</h1><Button icon="plus" look="primary" run={() => edit(null)}>New destination</Button></header>
      <Loaded from={list}>
        {(rows) => rows.length === 0 ? <Empty title="Deliverables go nowhere yet"><p>A destination is a folder, S3, SFTP, an outlet's own program, a link, or a person with a list of what to do.</p></Empty> : (
          <div class="scroll-x" tabIndex={0} role="region" aria-label="Destinations">
            <table class="table">
              <thead><tr><th>Name</th><th>Kind</th><th>Where</th><th>Secrets</th><th>Made</th><th><span class="seen-by-readers">Acts</span></th></tr></thead>
              <tbody>
                {rows.map((d) => {
                  const s = (d.settings ?? {}) as Record<string, unknown>;
                  return (
                    <tr key={d.id}>
                      <td>{d.name}</td><td>{d.kind}</td><td class="mono">{shown(s["path"] ?? (s["endpoint"] ? `${shown(s["endpoint"])}/${shown(s["bucket"])}` : s["portal"] ?? s["sender"]))}{s["host"] ? ` at ${shown(s["host"])}` : ""}</td>
                      <td>{d.secrets ? "sealed" : "none"}</td><td><Ago at={d.created} /> <span class="quiet">{d.by}</span></td>
                      <td class="right"><Button run={() => test(d)}>Test</Button> <Button run={() => edit(d)}>Change</Button> <Button icon="close" name={`Take ${d.name} away`} look="plain" run={() => void ask({ title: `Take ${d.name} away?`, text: "Its secrets are forgotten. What was sent there keeps its receipt.", yes: "Take away", danger: true }).then((yes) => { if (yes) del(`/destinations/${d.id}`).then(list.reload, fail); })} /></td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
        )}
      </Loaded>
      <header class="line"><h2>Who is told</h2><Button icon="plus" run={() => void open_dialog((close) => <HookDialog mail={!!hooks.value?.mail_server} close={() => { close(); hooks.reload(); }} />)}>Tell somebody</Button></header>
      <Loaded from={hooks}>
        {(h) => (
          <>
            {!h.mail_server && <p class="note">No mail goes out: no mail server is set (<code>mail.server</code> in house.conf).</p>}
            {h.items.length > 0 && (
              <table class="table">
                <thead><tr><th>How</th><th>Address</th><th>Waits</th><th>Failed</th><th><span class="seen-by-readers">Acts</span></th></tr></thead>
                <tbody>{h.items.map((x) => <tr key={x.id}><td>{x.kind}</td><td class="mono cut">{x.target}</td><td>{x.waiting}</td><td class={x.failed ? "bad" : ""}>{x.failed}</td><td class="right"><Button icon="close" name={`Tell ${x.target} nothing more`} look="plain" run={() => void del(`/hooks/${x.id}`).then(hooks.reload, fail)} /></td></tr>)}</tbody>
              </table>
            )}
          </>
        )}
      </Loaded>
      <Loaded from={notices}>
        {(n) => n.length === 0 ? null : (
          <>
            <header class="line"><h2>What was told</h2><Button run={notices.reload}>Look again</Button></header>
            <div class="scroll-x" tabIndex={0} role="region" aria-label="What was told">
              <table class="table">
                <thead><tr><th>When</th><th>What</th><th>To</th><th>Standing</th><th>Tries</th><th>Answer</th><th><span class="seen-by-readers">Acts</span></th></tr></thead>
                <tbody>{n.map((x) => <tr key={x.id}><td><Ago at={x.created} /></td><td>{x.event}</td><td class="mono cut">{x.target}</td><td class={{ told: "good", waiting: "busy", failed: "bad" }[x.state]}>{x.state}</td><td>{x.tries}</td><td>{x.answer}</td><td class="right">{x.state !== "told" && <Button run={() => void post(`/notices/${x.id}/again`).then(notices.reload, fail)}>Now</Button>}</td></tr>)}</tbody>
              </table>
            </div>
          </>
        )}
      </Loaded>
    </>
  );
}
