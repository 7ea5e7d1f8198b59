/*
 * Quality beside the picture: a version is measured, rules are laid on it, and somebody with a name says
 * yes to what may stay. A finding leads to its frames; N and P go from one to the next.
 */
import type { Problem, QcFinding, QcReport, RuleSet } from "api-types";
import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { base, del, get, is_aborted, post, problem_of } from "../app/api";
import { subscribe } from "../app/events";
import { active } from "../app/jobs";
import { may } from "../app/session";
import { job_words } from "../parts/activity";
import { Button, Segments } from "../parts/button";
import { Dialog, open_dialog } from "../parts/dialog";
import { plural } from "../parts/format";
import { menu_under } from "../parts/menu";
import { ProblemBox } from "../parts/problem";
import { Progress } from "../parts/progress";
import { Ago } from "../parts/time";
import { tell_problem } from "../parts/toast";
import { Certificate } from "./certificate";

export type Severity = QcFinding["severity"];
const SEVERITIES: { value: Severity; label: string; look: string }[] = [
  { value: "fix", label: "Fix", look: "bad" }, { value: "issue", label: "Issue", look: "busy" }, { value: "information", label: "Info", look: "note" },
];
export const look_of = (s: Severity): string => SEVERITIES.find((o) => o.value === s)?.look ?? "note";
const VERDICTS = { pass: "Passed", look: "Somebody must look", fix: "Something must be mended" } as const;
const LOOKS = { pass: "good", look: "busy", fix: "bad" } as const;

// Of the picture's time, in order of place; the whole file's have none.
export const placed = (report: QcReport | null): QcFinding[] =>
  (report?.findings ?? []).filter((f) => f.from != null).sort((a, b) => (a.from ?? 0) - (b.from ?? 0));

interface Props {
  version: string;
  report: Signal<QcReport | null>;
  chosen: Signal<number | null>; // number of a finding
  label: (frame: number) => string;
  go: (f: QcFinding) => void;
  here: () => { frame: number; from: number | null; to: number | null };
  log: { current: () => void }; // what the key that writes a comment does here
  head: (count: number) => ComponentChildren;
}

export function Quality(p: Props) {
  const [all, set_all] = useState<QcReport[] | null>(null);
  const [rules, set_rules] = useState<RuleSet[]>([]);
  const [picked, set_picked] = useState("");
  const [problem, set_problem] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  const [only, set_only] = useState<Severity | "all">("all");
  const [later, set_later] = useState(false);
  const [code, set_code] = useState("");
  const [severity, set_severity] = useState<Severity>("issue");
  const [note, set_note] = useState("");
  const report = p.report.value;

  const load = (which?: string): void => {
    get<QcReport[]>(`/versions/${p.version}/qc`).then(async (list) => {
      set_all(list);
      set_problem(null);
      const id = which ?? (list.some((r) => r.id === p.report.value?.id) ? p.report.value?.id : list[0]?.id);
      p.report.value = id ? await get<QcReport>(`/qc/${id}`) : null;
    }).catch((e: unknown) => { if (!is_aborted(e)) set_problem(problem_of(e)); });
  };
  useEffect(() => {
    p.report.value = null;
    p.chosen.value = null;
    load();
    get<RuleSet[]>("/qc-rules").then((list) => {
      set_rules(list);
      set_picked((list.find((r) => !r.standing) ?? list[0])?.name ?? ""); // the house's own, unless an outlet is chosen
    }).catch(() => undefined);
    return subscribe({ kinds: ["qc.changed"], caught_up: () => load(), hear: (n) => { if ((n.body as QcReport | null)?.version === p.version) load(); } });
  }, [p.version]);

  useEffect(() => {
    document.querySelector(`[data-finding="${p.chosen.value}"]`)?.scrollIntoView({ block: "nearest" });
  }, [p.chosen.value]);

  const check = (): void => {
    set_busy(true);
    post<QcReport>(`/versions/${p.version}/qc`, { rules: picked }).then((made) => load(made.id), (e: unknown) => tell_problem(problem_of(e))).finally(() => set_busy(false));
  };
  const approve = (): void => {
    if (report) post<QcReport>(`/qc/${report.id}/approval`).then((got) => { p.report.value = got; }, (e: unknown) => tell_problem(problem_of(e)));
  };
  const codes = rules.find((r) => r.name === report?.rules)?.codes ?? [];
  const picked_code = codes.find((c) => c.code === code) ?? codes[0];
  // One key: the frame one looks at, or the range from I to O, with the code that stands in the box.
  const log = (): void => {
    if (!report || report.state !== "done" || report.approved_by || !may("deliver")) return;
    const at = p.here();
    const body = { code: picked_code?.code ?? null, title: picked_code?.title ?? note.trim(), severity, note: note.trim() || null, from: at.from ?? at.frame, to: at.to ?? at.from ?? at.frame };
    set_note("");
    post<QcReport>(`/qc/${report.id}/findings`, body).then((got) => {
      p.report.value = got;
      p.chosen.value = got.findings[got.findings.length - 1]?.number ?? null;
    }, (e: unknown) => tell_problem(problem_of(e)));
  };
  p.log.current = log;
  const job = report ? active.value.get(report.job) : undefined;
  const findings = report?.findings ?? [];
  const count = (s: Severity): number => findings.filter((f) => f.severity === s).length;
  const open = findings.filter((f) => f.severity === "fix" && !f.waived_by).length;
  const shown = findings.filter((f) => only === "all" || f.severity === only);
  return (
    <section class="comments quality" aria-label="Quality">
      <header>
        {p.head(findings.length)}
        {findings.length > 0 && (
          <Segments name="Which findings" value={only} pick={set_only}
            options={[{ value: "all", label: "All" }, ...SEVERITIES.filter((s) => count(s.value)).map((s) => ({ value: s.value, label: `${s.label} ${count(s.value)}` }))]} />
        )}
      </header>
      {problem ? <div class="empty"><ProblemBox problem={problem} retry={() => load()} /></div> : (
        <div class="quality-body" tabIndex={0} role="region" aria-label="Report">
          {all && all.length > 1 && report && (
            <button type="button" class="elsewhere" onClick={(e) => menu_under(e.currentTarget, all.map((r) => ({ name: `${r.rules}, ${new Date(r.created).toLocaleString()}, ${r.verdict ? VERDICTS[r.verdict] : r.state}`, checked: r.id === report.id, run: () => load(r.id) })), { label: "Reports" })}>
              {plural(all.length, "report")} on this version: {report.id === all[0]?.id ? "this is the newest" : "an older one is shown"}
            </button>
          )}
          {report && (
            <div class="quality-head">
              {report.state === "done" && report.verdict
                ? <p><b class={report.verdict === "fix" && !open ? "note" : LOOKS[report.verdict]}>{report.verdict === "fix" && !open ? "All to mend is waived" : VERDICTS[report.verdict]}</b>{open ? `, ${open} to fix` : ""}</p>
                : report.state === "failed" ? null : <p class="busy">{report.state === "waiting" ? "Waits for a worker" : "Measuring"}{job ? ` · ${job_words(job)}` : ""}</p>}
              {(report.state === "waiting" || report.state === "running") && <Progress part={job?.progress ?? null} name="Measuring" />}
              {report.problem && <ProblemBox problem={report.problem} retry={check} />}
              <p class="quiet">{report.title ?? report.rules}{report.standing ? ` (${report.standing})` : ""} · {report.by} · <Ago at={report.created} /></p>
              {report.bytes && <p class={report.bytes.holds === false ? "bad" : "quiet"} title={`SHA-256 ${report.bytes.sha256 ?? report.bytes.content}`}>{report.bytes.holds === false ? "The bytes are not what was stored" : `Of ${plural(report.bytes.files, "file")}, SHA-256 ${(report.bytes.sha256 ?? report.bytes.content).slice(0, 12)}…`}</p>}
              {report.captions && report.captions.length > 0 && <p class="quiet">With captions: {report.captions.map((c) => `${c.name}${c.language ? ` (${c.language})` : ""}`).join(", ")}</p>}
              <Certificate report={report} taken={(r) => { p.report.value = r; }} />
              {report.approved_by && <p class="good">Approved by {report.approved_by}{report.approved && <> · <Ago at={report.approved} /></>}</p>}
              {report.sound && report.sound.length > 0 && <Loudness sound={report.sound} />}
              <div class="acts">
                {report.state === "done" && !report.approved_by && may("deliver") && <Button look={open ? undefined : "primary"} disabled={open > 0} name={open ? "Waive or mend what is to fix first" : "Approve the report in your name"} run={approve}>Approve</Button>}
                {report.state === "done" && <a class="button" href={`${base}/qc/${report.id}/paper?form=pdf`} download="">PDF</a>}
                {report.state === "done" && <a class="button" href={`${base}/qc/${report.id}/paper`} download="">Page</a>}
                {may("deliver") && report.state === "done" && <Button run={() => set_later(!later)} expanded={later}>Check again</Button>}
              </div>
            </div>
          )}
          {all && may("deliver") && (!report || later) && (
            <div class="quality-head">
              {!report && <p>Nothing has checked this version yet. Levels, black and frozen frames, flashes, interlacing, silence, clipping, loudness and more are measured in one pass; the rules say what is allowed.</p>}
              <label class="field"><span class="label">Rules</span>
                <select class="input" value={picked} onChange={(e) => set_picked(e.currentTarget.value)}>{rules.map((r) => <option key={r.name} value={r.name}>{r.title}{r.standing === "unconfirmed" ? " (unconfirmed)" : ""}</option>)}</select>
              </label>
              <p class="quiet">{rules.find((r) => r.name === picked)?.description}</p>
              <div class="acts"><Button look="primary" busy={busy} disabled={!picked} run={() => { set_later(false); check(); }}>Check</Button></div>
            </div>
          )}
          {all?.length === 0 && !may("deliver") && <p class="empty">Nothing has checked this version yet. Whoever may deliver can.</p>}
          {report?.state === "done" && !report.approved_by && may("deliver") && (
            <form class="quality-head" onSubmit={(e) => { e.preventDefault(); log(); (document.activeElement as HTMLElement | null)?.blur(); }}>
              <div class="quality-log">
                <select class="input" aria-label="Code" value={picked_code?.code} onChange={(e) => { const c = codes.find((o) => o.code === e.currentTarget.value); set_code(c?.code ?? ""); if (c) set_severity(c.severity); }}>
                  {codes.map((c) => <option key={c.code} value={c.code}>{c.code} {c.title}</option>)}
                </select>
                <Segments name="Severity" value={severity} pick={set_severity} options={SEVERITIES.map((s) => ({ value: s.value, label: s.label }))} />
              </div>
              <div class="quality-log">
                <input class="input" aria-label="Note" placeholder="Note, for the next one" maxLength={500} value={note} onInput={(e) => set_note(e.currentTarget.value)} />
                <Button submit name="Log what you see at this frame, or from I to O" keys="M">Log (M)</Button>
              </div>
            </form>
          )}
          {report?.state === "done" && findings.length === 0 && <p class="empty">Nothing was found against these rules.</p>}
          <div role="list" aria-label="Findings">
            {shown.map((f) => <Finding key={f.number} f={f} p={p} report={report?.id ?? ""} />)}
          </div>
        </div>
      )}
    </section>
  );
}

function Loudness({ sound }: { sound: NonNullable<QcReport["sound"]> }) {
  const spoken = sound.some((s) => s.dialogue_lufs != null);
  const n = (v: number): string => (v > -100 ? v.toFixed(1) : "−∞");
  return (
    <table class="table quality-sound">
      <thead><tr><th>Sound</th><th>LUFS</th>{spoken && <th title="Loudness over what a detector takes for speech, and how much that is: approximate">Dialogue ≈</th>}<th>LRA</th><th>dBTP</th></tr></thead>
      <tbody>{sound.map((s) => <tr key={s.track}><td class="cut">{s.track || ""} {s.layout}</td><td class="mono">{n(s.loudness_lufs)}</td>{spoken && <td class="mono">{s.dialogue_lufs != null ? `${n(s.dialogue_lufs)}, ${Math.round(s.speech_percent ?? 0)} %` : "−"}</td>}<td class="mono">{n(s.range_lu)}</td><td class="mono">{n(s.true_peak_dbtp)}</td></tr>)}</tbody>
    </table>
  );
}

function Finding({ f, p, report }: { f: QcFinding; p: Props; report: string }) {
  const on = p.chosen.value === f.number;
  const last = f.to ?? f.from;
  return (
    <div class={`comment finding${on ? " on" : ""}${f.waived_by ? " done" : ""}`} role="listitem" data-finding={f.number} onClick={() => p.go(f)}>
      <b class={look_of(f.severity)}>{SEVERITIES.find((s) => s.value === f.severity)?.label}</b>
      <div class="body">
        <button type="button" class="at" title={f.from != null ? "Go there" : "Of the whole file"}>
          {f.from != null ? `${p.label(f.from)}${last != null && last !== f.from ? ` – ${p.label(last)}` : ""}` : "whole file"}{f.where ? ` · ${f.where}` : ""}
        </button>
        {f.picture && f.from != null && <img class="finding-picture" loading="lazy" alt={`The picture at ${p.label(f.from)}`} src={`${base}/qc/${report}/pictures/${f.from}`} />}
        <div class="words">{f.seen}</div>
        {f.allowed && <div class="quiet">allowed: {f.allowed}</div>}
        <div class="quiet small" title={f.source}>{f.rule}{f.check === "person" ? ` · seen by ${f.source}` : ""}{f.clause ? ` · ${f.clause}` : ""}{f.note ? ` · ${f.note}` : ""}</div>
        {f.waived_by
          ? <div class="small">✓ Waived by {f.waived_by}: {f.waived_for}</div>
          : may("deliver") && (f.severity !== "information" || f.check === "person") && <div class="acts" onClick={(e) => e.stopPropagation()}>
            {f.check === "person" && <button type="button" onClick={() => void del<QcReport>(`/qc/${report}/findings/${f.number}`).then((r) => { p.report.value = r; }, (e: unknown) => tell_problem(problem_of(e)))}>Take back</button>}<button type="button" onClick={() => open_dialog((close) => <Waive f={f} report={report} taken={(r) => { p.report.value = r; }} close={close} />)}>Waive</button></div>}
      </div>
    </div>
  );
}

function Waive({ f, report, taken, close }: { f: QcFinding; report: string; taken: (r: QcReport) => void; close: () => void }) {
  const [reason, set_reason] = useState("");
  const [busy, set_busy] = useState(false);
  const send = (): void => {
    set_busy(true);
    post<QcReport>(`/qc/${report}/findings/${f.number}/waiver`, { reason: reason.trim() }).then((r) => { taken(r); close(); }, (e: unknown) => { tell_problem(problem_of(e)); set_busy(false); });
  };
  return (
    <Dialog title="Waive this finding" close={close} submit={() => { if (reason.trim()) send(); }} footer={<Button submit look="primary" busy={busy} disabled={!reason.trim()}>Waive in my name</Button>}>
      <p><b>{f.seen}</b><br /><span class="quiet">allowed: {f.allowed}</span></p>
      <label class="field"><span class="label">Why it may stay, for whoever reads the report</span><input class="input" value={reason} maxLength={500} onInput={(e) => set_reason(e.currentTarget.value)} /></label>
    </Dialog>
  );
}
