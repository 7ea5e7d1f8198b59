// admin/admin: a project's members and shares; people and audit of the house.
import sheet from "../style/views.css?url";
import type { AuditList, AuditRow, Member, NewPerson, Person, PersonMade, Problem, Project, Session } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { del, get, patch, post, problem_of, with_query } from "../app/api";
import { route, type View } from "../app/router";
import { load_me, may, me, project as here } from "../app/session";
import { Button, CopyLine } from "../parts/button";
import { Dialog, ask, open_dialog } from "../parts/dialog";
import { Choice, Field, Tick } from "../parts/field";
import { Loaded, use_load } from "../parts/load";
import { ProblemBox } from "../parts/problem";
import { Ago } from "../parts/time";
import { tell, tell_problem } from "../parts/toast";
import { Account } from "./account";
import { Links } from "../links/list";
import { Destinations } from "./destinations";
import { Places } from "./places";
import { Houses } from "../houses/houses";
import { Table } from "./table";
import { Watched } from "./watched";

export { sheet };
const fail = (e: unknown) => tell_problem(problem_of(e));
const roles = [{ value: "owner", label: "Owner: everything" }, { value: "editor", label: "Editor: upload, edit, share, deliver" }, { value: "reviewer", label: "Reviewer: look and comment" }, { value: "guest", label: "Guest: look" }] as const;
type Role = Member["role"];

export function Admin({ view }: { view: View }) {
  const project = route.value.project ?? "";
  return (
    <main>
      <div class="page-view">
        {view === "settings" && <Settings key={project} />}
        {view === "shares" && <Links key={project} project={project} />}
        {view === "tokens" && <Account />}
        {view === "people" && <People />}
        {view === "destinations" && <Destinations />}
        {view === "watched" && <Watched />}
        {view === "places" && <Places />}
        {view === "houses" && <Houses />}
        {view === "audit" && <Audit />}
      </div>
    </main>
  );
}

function Settings() {
  const p = here.value;
  const id = p?.id ?? "";
  const [name, set_name] = useState(p?.name ?? "");
  const [rate, set_rate] = useState(p?.sequence_rate ?? "24/1");
  const [names, set_names] = useState(p?.version_names ?? false);
  const [need, set_need] = useState<Project["downloads_need"]>(p?.downloads_need ?? "nothing");
  const [burn, set_burn] = useState<Project["burn_names"]>(p?.burn_names ?? "nothing");
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const members = use_load<Member[]>(`/projects/${id}/members`);
  const manage = may("manage");
  const rates = [["24000/1001", "23.976"], ["24/1", "24"], ["25/1", "25"], ["30000/1001", "29.97"], ["30/1", "30"], ["48/1", "48"], ["50/1", "50"], ["60000/1001", "59.94"], ["60/1", "60"]] as const;
  const save = () => {
    set_wrong(null);
    patch<Project>(`/projects/${id}`, { name: name.trim(), sequence_rate: rate, downloads_need: need, version_names: names, burn_names: burn }).then(() => load_me()).then(() => tell("Saved"), (e: unknown) => set_wrong(problem_of(e)));
  };
  const [email, set_email] = useState("");
  const [role, set_role] = useState<Role>("reviewer");
  const [not_added, set_not_added] = useState<Problem | null>(null);
  const add = () => {
    set_not_added(null);
    post<Member>(`/projects/${id}/members`, { email: email.trim(), role }).then(() => { set_email(""); members.reload(); }, (e: unknown) => set_not_added(problem_of(e)));
  };
  return (
    <>
      <header><h1>{p?.name}</h1></header>
      {manage && (
        <form class="form-line" onSubmit={(e) => { e.preventDefault(); save(); }}>
          <Field label="Name" value={name} set={set_name} required maxlength={200} />
          <Choice label="Rate of image sequences that say none" value={rate} set={set_rate} options={[...rates.map(([value, label]) => ({ value: value as string, label: `${label} frames/s` })), ...(rates.some(([v]) => v === rate) ? [] : [{ value: rate, label: rate }])]} />
          <Choice<Project["downloads_need"]> label="Downloads of files" value={need} set={set_need} options={[{ value: "nothing", label: "Whoever may download" }, { value: "factor", label: "Only with a second factor" }, { value: "owner", label: "Owners only" }]} />
          <Choice<Project["burn_names"]> label="Viewer’s name in every picture" value={burn} set={set_burn} options={[{ value: "nothing", label: "No" }, { value: "viewers", label: "Of guests, reviewers and visitors of links" }, { value: "all", label: "Of everybody" }]} />
          <Tick label="Names that differ only in v001, v002 are versions of one asset" on={names} set={set_names} />
          <Button submit look="primary" disabled={!name.trim() || (name === p?.name && rate === p?.sequence_rate && need === p?.downloads_need && names === p?.version_names && burn === p?.burn_names)}>Save</Button>
        </form>
      )}
      {wrong && <ProblemBox problem={wrong} />}
      <h2>Members</h2>
      {manage && (
        <form class="form-line" onSubmit={(e) => { e.preventDefault(); add(); }}>
          <Field label="E-mail of somebody who has an account" type="email" value={email} set={set_email} required />
          <Choice<Role> label="Role" value={role} set={set_role} options={[...roles]} />
          <Button submit disabled={!email.trim()}>Add</Button>
        </form>
      )}
      {not_added && <ProblemBox problem={not_added} />}
      <Loaded from={members}>
        {(list) => (
          <Table name="Members" head={["Name", "E-mail", "Role", ""]}>
            {list.map((m) => (
              <tr key={m.person.id}>
                <td>{m.person.name}</td><td class="quiet">{m.person.email}</td>
                <td>
                  {manage ? (
                    <select class="input kinds" aria-label={`Role of ${m.person.name}`} value={m.role} onChange={(e) => void patch(`/projects/${id}/members/${m.person.id}`, { role: e.currentTarget.value }).then(members.reload, (x: unknown) => { fail(x); members.reload(); })}>
                      {roles.map((r) => <option key={r.value} value={r.value}>{r.value}</option>)}
                    </select>
                  ) : m.role}
                </td>
                <td class="right">
                  {manage && <Button icon="close" name={`Take ${m.person.name} out`} look="plain" run={() => void ask({ title: `Take ${m.person.name} out of ${p?.name}?`, text: "They no longer see the project. Their comments stay.", yes: "Take out", danger: true }).then((yes) => { if (yes) del(`/projects/${id}/members/${m.person.id}`).then(members.reload, fail); })} />}
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Loaded>
    </>
  );
}

function NewPersonDialog({ close, made }: { close: () => void; made: () => void }) {
  const [name, set_name] = useState("");
  const [email, set_email] = useState("");
  const [admin, set_admin] = useState(false);
  const [link, set_link] = useState<string | null>(null);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  if (link !== null)
    return (
      <Dialog title={`Send ${name} this link`} close={close} stay footer={<Button look="primary" run={close}>Done</Button>}>
        <p>It sets their password and works once. It is shown only now.</p>
        <CopyLine text={new URL(link, location.origin).href} name="Copy the link" />
      </Dialog>
    );
  return (
    <Dialog title="Invite somebody" close={close} footer={<Button submit look="primary" disabled={!name.trim() || !email.trim()}>Make the invitation</Button>} submit={() => {
      const body: NewPerson = { name: name.trim(), email: email.trim(), admin };
      post<PersonMade>("/people", body).then((p) => { set_link(p.link); made(); }, (e: unknown) => set_wrong(problem_of(e)));
    }}>
      <Field label="Name" value={name} set={set_name} focus required maxlength={200} />
      <Field label="E-mail" type="email" value={email} set={set_email} required />
      <Tick label="Administrator: everything in every project" on={admin} set={set_admin} />
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

function LogIns({ person, close }: { person: Person; close: () => void }) {
  const list = use_load<Session[]>(`/people/${person.id}/sessions`);
  return (
    <Dialog title={`Log-ins of ${person.name}`} close={close} footer={<>
      <Button look="danger" run={() => void del(`/people/${person.id}/factor`).then(() => tell("The second factor is off: the password alone logs in"), fail)}>Take the second factor away</Button>
      <Button look="danger" disabled={!list.value?.length} run={() => void del(`/people/${person.id}/sessions`).then(list.reload, fail)}>Log out everywhere</Button>
    </>}>
      <Loaded from={list}>
        {(all) => all.length === 0 ? <p>Not logged in anywhere.</p> : (
          <Table name="Log-ins" head={["Device", "From", "Seen last", "Second factor"]}>
            {all.map((s) => <tr key={s.id}><td>{s.device || "not known"}</td><td class="mono quiet">{s.address}</td><td><Ago at={s.seen} /></td><td>{s.factor ? "yes" : "no"}</td></tr>)}
          </Table>
        )}
      </Loaded>
    </Dialog>
  );
}

function People() {
  const list = use_load<Person[]>("/people");
  const change = (p: Person, what: { admin?: boolean; disabled?: boolean }) => void patch(`/people/${p.id}`, what).then(list.reload, fail);
  return (
    <>
      <header><h1>People</h1><Button icon="plus" look="primary" run={() => void open_dialog((close) => <NewPersonDialog close={close} made={list.reload} />)}>Invite somebody</Button></header>
      <Loaded from={list}>
        {(all) => (
          <Table name="People" head={["Name", "E-mail", "Administrator", "Since", "State", ""]}>
            {all.map((p) => {
              const self = p.id === me.value?.person?.id;
              return (
                <tr key={p.id}>
                  <td>{p.name}{self && <span class="quiet"> (you)</span>}</td><td class="quiet">{p.email}</td>
                  <td><Tick label={<span class="seen-by-readers">{p.name} is administrator</span>} on={p.admin} disabled={self} set={(admin) => change(p, { admin })} /></td>
                  <td><Ago at={p.created} /></td><td>{p.disabled ? <span class="bad">locked out</span> : "active"}</td>
                  <td class="right">{!self && !p.email?.endsWith("@posthouse.invalid") && (p.disabled ? <Button run={() => change(p, { disabled: false })}>Let in again</Button> : <><Button look="plain" icon="key" name={`Log-ins of ${p.name}`} run={() => void open_dialog((close) => <LogIns person={p} close={close} />)} /> <Button look="danger" run={() => void ask({ title: `Lock ${p.name} out?`, text: "Sessions and tokens end at once. What they made stays.", yes: "Lock out", danger: true }).then((yes) => yes && change(p, { disabled: true }))}>Lock out</Button></>)}</td>
                </tr>
              );
            })}
          </Table>
        )}
      </Loaded>
    </>
  );
}

function Audit() {
  const [rows, set_rows] = useState<readonly AuditRow[]>([]);
  const [next, set_next] = useState<string | null>(null);
  const first = use_load<AuditList>("/audit");
  useEffect(() => {
    if (!first.value) return;
    set_rows(first.value.items);
    set_next(first.value.cursor ?? null);
  }, [first.value]);
  const more = () => void get<AuditList>(with_query("/audit", { cursor: next })).then((l) => { set_rows([...rows, ...l.items]); set_next(l.cursor ?? null); }, fail);
  return (
    <>
      <header><h1>Audit log</h1><a class="button" href="/api/v1/audit.csv" download="audit.csv">Save as a table</a></header>
      <Loaded from={first}>
        {() => (
          <>
            <Table name="Audit log" head={["Number", "When", "Who", "From", "With", "What", "On", "Detail"]}>
              {rows.map((a) => (
                <tr key={a.number}><td class="mono">{a.number}</td><td><Ago at={a.at} /></td><td>{a.person ?? "–"}</td><td class="mono quiet">{a.address}</td><td class="quiet">{a.device}</td><td class="mono">{a.action}</td><td class="mono quiet">{a.subject}</td><td class="quiet">{a.detail}</td></tr>
              ))}
            </Table>
            {next && <div><Button run={more}>Show more</Button></div>}
          </>
        )}
      </Loaded>
    </>
  );
}
