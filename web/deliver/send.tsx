// deliver/send: sending a deliverable, and writing down what the outlet says of it.
import type { Delivery, DeliveryState, Destination, NewDeliveryState, Package, Problem, Sending, SendingMade } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { get, post, problem_of } from "../app/api";
import { active } from "../app/jobs";
import { to } from "../app/router";
import { is_admin, may } from "../app/session";
import { job_act, job_words } from "../parts/activity";
import { Button, CopyLine } from "../parts/button";
import { Dialog, open_dialog } from "../parts/dialog";
import { Choice, Field, Tick } from "../parts/field";
import { size_text } from "../parts/format";
import { ProblemBox } from "../parts/problem";
import { Progress } from "../parts/progress";
import { Ago } from "../parts/time";
import { tell_problem } from "../parts/toast";

export const standings: Record<Delivery["standing"], { word: string; look: string }> = {
  "": { word: "", look: "quiet" },
  kept: { word: "kept here", look: "bad" },
  sent: { word: "sent", look: "busy" },
  received: { word: "received", look: "busy" },
  in_inspection: { word: "in inspection", look: "busy" },
  redelivery_asked: { word: "redelivery asked", look: "bad" },
  accepted: { word: "accepted", look: "good" },
};
const say_look: Record<Sending["state"], string> = { waiting: "quiet", running: "busy", ready: "note", sent: "good", failed: "bad" };

export function SendDialog({ d, close }: { d: Delivery; close: () => void }) {
  const [list, set_list] = useState<Destination[] | null>(null);
  const [where, set_where] = useState("");
  const [anyway, set_anyway] = useState(false);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  const [link, set_link] = useState("");
  const bad = d.checks.filter((c) => !c.ok);
  useEffect(() => {
    get<Destination[]>("/destinations").then((all) => { set_list(all); set_where((w) => w || (all[0]?.id ?? "")); }, (e: unknown) => set_wrong(problem_of(e)));
  }, []);
  const send = () => {
    set_busy(true);
    set_wrong(null);
    post<SendingMade>(`/deliveries/${d.id}/sendings`, { destination: where, anyway }).then(
      (made) => (made.link ? set_link(new URL(made.link, location.origin).href) : close()),
      (e: unknown) => set_wrong(problem_of(e)),
    ).finally(() => set_busy(false));
  };
  if (link)
    return (
      <Dialog title="The link" close={close} stay footer={<Button look="primary" run={close}>Done</Button>}>
        <p>Copy it now: it is shown this once. It is good as soon as the package is made.</p>
        <CopyLine text={link} name="Copy the link" />
      </Dialog>
    );
  return (
    <Dialog title={`Send ${d.name}`} close={close} submit={send} footer={<Button submit look="primary" busy={busy} disabled={!where || (bad.length > 0 && !anyway)}>Send</Button>}>
      {list?.length === 0 && <p>There is no destination yet. {is_admin.value ? <a href="/admin/destinations" onClick={close}>Make one</a> : "Ask an administrator to make one."}</p>}
      {list && list.length > 0 && <Choice label="To" value={where} set={set_where} options={list.map((l) => ({ value: l.id, label: `${l.name} (${l.kind})` }))} />}
      {bad.length > 0 && <Tick on={anyway} set={set_anyway} label={`Send it although ${bad.map((c) => c.what).join(", ")} ${bad.length > 1 ? "are" : "is"} not as asked; that is written down with your name`} />}
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

type Said = NewDeliveryState["state"];
const sayings: { value: Said; label: string }[] = [
  { value: "received", label: "They have received it" }, { value: "in_inspection", label: "They are inspecting it" },
  { value: "redelivery_asked", label: "They ask for a redelivery" }, { value: "accepted", label: "They have accepted it" },
];

export function SayDialog({ d, close }: { d: Delivery; close: () => void }) {
  const [state, set_state] = useState<Said>("received");
  const [note, set_note] = useState("");
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const needs = state === "redelivery_asked" && !note.trim();
  const save = () => void post<DeliveryState[]>(`/deliveries/${d.id}/states`, { state, note }).then(close, (e: unknown) => set_wrong(problem_of(e)));
  return (
    <Dialog title="What the outlet says" close={close} submit={() => !needs && save()} footer={<Button submit look="primary" disabled={needs}>Write it down</Button>}>
      <Choice<Said> label={d.name} value={state} set={set_state} options={sayings} />
      <Field label={state === "redelivery_asked" ? "Their reason" : "Note"} value={note} set={set_note} maxlength={4000} wrong={needs && state === "redelivery_asked" ? "a redelivery needs its reason" : null} />
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

function HandDialog({ s, close }: { s: Sending; close: () => void }) {
  const [box, set_box] = useState<Package | null>(null);
  const [done, set_done] = useState<readonly number[]>([]);
  const [note, set_note] = useState("");
  const [wrong, set_wrong] = useState<Problem | null>(null);
  useEffect(() => {
    get<Package>(`/sendings/${s.id}/package`).then(set_box, (e: unknown) => set_wrong(problem_of(e)));
  }, []);
  const steps = s.checklist ?? [];
  const save = () => void post<Sending>(`/sendings/${s.id}/sent`, { note }).then(close, (e: unknown) => set_wrong(problem_of(e)));
  return (
    <Dialog wide title={`By hand to ${s.to}`} close={close} submit={save} footer={<Button submit look="primary" disabled={done.length < steps.length}>It is there</Button>}>
      {s.portal && <p><a href={s.portal} target="_blank" rel="noreferrer">{s.portal}</a></p>}
      {box && (
        <ul class="package">
          {box.files.map((f, i) => (
            <li key={f.name}><a href={`/api/v1/sendings/${s.id}/files/${i}`} download>{box.folder ? `${box.folder}/` : ""}{f.name}</a> <span class="quiet">{size_text(f.size)} · MD5 <code>{f.md5}</code></span></li>
          ))}
        </ul>
      )}
      {steps.map((step, i) => <Tick key={step} label={step} on={done.includes(i)} set={(on) => set_done((all) => (on ? [...all, i] : all.filter((n) => n !== i)))} />)}
      <Field label="Note, such as the portal's number" value={note} set={set_note} maxlength={4000} />
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

// One sending: where to, how far, what it says.
export function SendingRow({ s }: { s: Sending }) {
  const job = s.job ? active.value.get(s.job) : undefined;
  const cancel = () => job && void job_act(job, "cancel");
  const retry = () => void post(`/jobs/${s.job}/retry`).catch((e: unknown) => tell_problem(problem_of(e)));
  return (
    <div class="sending">
      <div class="line">
        <span class="cut">{s.to} <span class="quiet">({s.kind})</span></span>
        <span class={say_look[s.state]}>{s.state === "ready" ? (s.kind === "link" ? "waits to be fetched" : "ready to be brought") : s.state}</span>
        <span class="mono quiet">{job ? job_words(job) : ""}</span>
        <span class="quiet"><Ago at={s.ended ?? s.created} /> · {s.by}</span>
        {job && (s.state === "running" || s.state === "waiting") && <Button icon="close" name={`Stop sending to ${s.to}`} look="plain" run={cancel} />}
        {s.state === "ready" && s.kind === "hand" && may("deliver") && <Button run={() => void open_dialog((close) => <HandDialog s={s} close={close} />)}>Bring it…</Button>}
        {s.state === "sent" && <a class="button" href={to.receipt(s.project, s.id)}>Receipt</a>}
      </div>
      {job && s.state === "running" && <Progress part={job.progress} name={`Sending to ${s.to}`} />}
      {s.place && <code class="quiet cut">{s.place}</code>}
      {s.problem && s.state === "failed" && <ProblemBox problem={s.problem} retry={may("deliver") && s.job ? retry : undefined} />}
    </div>
  );
}

export function History({ d }: { d: Delivery }) {
  const [list, set_list] = useState<DeliveryState[]>([]);
  useEffect(() => {
    get<DeliveryState[]>(`/deliveries/${d.id}/states`).then(set_list, () => set_list([]));
  }, [d.standing, d.said, d.sendings.length]);
  return list.length === 0 ? null : (
    <ol class="history" aria-label={`History of ${d.name}`}>
      {list.map((h) => (
        <li key={h.at}><span class={standings[h.state as Delivery["standing"]]?.look ?? "quiet"}>{h.state.replaceAll("_", " ")}</span> <span class="quiet"><Ago at={h.at} /> · {h.by}</span>{h.note && <div class="note-text">{h.note}</div>}</li>
      ))}
    </ol>
  );
}
