/*
 * library/master: what the house found in a master and what people told of it: its light (HDR), its fields and cadence, and the
 * files that go beside it unchanged (Dolby Vision metadata, an Atmos master), each held against the film.
 */
import sheet from "./master.css?url";
import type { Asset, AssetList, Beside, Delivery, DeliveryLook, Problem, QcReport, Record as Known, VideoFact } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { del, get, patch, post, problem_of } from "../app/api";
import { subscribe } from "../app/events";
import { to } from "../app/router";
import { may } from "../app/session";
import { Button } from "../parts/button";
import { Dialog, open_dialog } from "../parts/dialog";
import { Choice, Field } from "../parts/field";
import { count_text, exact_text, plural, rate_name, size_text } from "../parts/format";
import { ProblemBox } from "../parts/problem";
import { tell, tell_problem } from "../parts/toast";

export { sheet };

const told_of = (k: Known | null, field: string): { value: string; by: string; at: string } | null => {
  const v = k?.values.find((o) => o.field === field && o.told);
  return v ? { value: v.value, by: v.from, at: v.told ?? "" } : null;
};

// "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)" as people say it: "P3-D65, 1000 to 0.005 cd/m²".
export function display_words(text: string): string {
  const m = /^G\((\d+),(\d+)\)B\((\d+),(\d+)\)R\((\d+),(\d+)\)WP\((\d+),(\d+)\)L\((\d+),(\d+)\)$/.exec(text);
  if (!m) return text;
  const at = m.slice(1).map(Number);
  const known: Record<string, string> = { "13250,34500": "P3-D65", "8500,39850": "BT.2020", "15000,30000": "BT.709" };
  return `${known[`${at[0]},${at[1]}`] ?? "own primaries"}, ${(at[8] ?? 0) / 1e4} to ${(at[9] ?? 0) / 1e4} cd/m²`;
}

export function MasterGroup({ asset }: { asset: Asset }) {
  const version = asset.version.id;
  const [known, set_known] = useState<Known | null>(null);
  const [report, set_report] = useState<QcReport | null>(null);
  const [look, set_look] = useState<DeliveryLook | null>(null);
  const [beside, set_beside] = useState<Beside[]>([]);
  useEffect(() => {
    let gone = false;
    const keep = <T,>(set: (v: T) => void) => (v: T): void => { if (!gone) set(v); };
    const nothing = (): void => undefined;
    const load = (): void => {
      get<Known>(`/versions/${version}/record`).then(keep(set_known), nothing);
      get<Beside[]>(`/assets/${asset.id}/beside`).then(keep(set_beside), nothing);
      get<QcReport[]>(`/versions/${version}/qc`).then((list) => { const done = list.find((r) => r.state === "done"); return done ? get<QcReport>(`/qc/${done.id}`) : null; }).then(keep(set_report), nothing);
      get<Delivery[]>(`/versions/${version}/deliveries`).then(async (list) => {
        const done = list.find((d) => d.state === "done");
        return done ? get<DeliveryLook>(`/deliveries/${done.id}/look`) : null;
      }).then(keep(set_look), nothing);
    };
    set_known(null);
    set_report(null);
    set_look(null);
    set_beside([]);
    load();
    const stop = subscribe({ asset: asset.id, kinds: ["asset.", "qc.", "delivery."], hear: load });
    return () => { gone = true; stop(); };
  }, [version]);
  const picture = asset.version.facts?.video[0];
  if (!picture) return null;
  return (
    <>
      <Light asset={asset} picture={picture} known={known} report={report} set={set_known} />
      <Fields picture={picture} report={report} look={look} asset={asset} />
      <Along asset={asset} list={beside} set={set_beside} />
    </>
  );
}

// ---- its light

function Light({ asset, picture, known, report, set }: { asset: Asset; picture: VideoFact; known: Known | null; report: QcReport | null; set: (k: Known) => void }) {
  const display = told_of(known, "track.mastering"), cll = told_of(known, "track.max_cll"), fall = told_of(known, "track.max_fall");
  const pq = picture.transfer === "smpte2084";
  if (!pq && !picture.hdr && !display) return null;
  const measured = report?.light;
  const told = (by: string, at: string) => <span class="quiet source" title={exact_text(at)}>told by {by}</span>;
  const file = <span class="quiet source">in the file</span>;
  const none = <span class="note">not stated</span>;
  return (
    <section>
      <h3>HDR</h3>
      <dl>
        <div><dt>Mastering display</dt><dd>{display ? <><span title={display.value}>{display_words(display.value)}</span>{told(display.by, display.at)}</> : picture.hdr?.mastering ? <><span title={picture.hdr.mastering}>{display_words(picture.hdr.mastering)}</span>{file}</> : none}</dd></div>
        <div><dt>MaxCLL</dt><dd>{cll ? <>{cll.value} cd/m²{told(cll.by, cll.at)}</> : picture.hdr?.max_cll ? <>{picture.hdr.max_cll} cd/m²{file}</> : none}</dd></div>
        <div><dt>MaxFALL</dt><dd>{fall ? <>{fall.value} cd/m²{told(fall.by, fall.at)}</> : picture.hdr?.max_fall ? <>{picture.hdr.max_fall} cd/m²{file}</> : none}</dd></div>
        {measured && <div><dt>Measured</dt><dd>{measured.max_cll} and {measured.max_fall} cd/m²<span class="quiet source">over all of it, at frames {count_text(measured.max_cll_frame)} and {count_text(measured.max_fall_frame)}</span></dd></div>}
        {picture.hdr?.dolby_vision && <div><dt>Dolby Vision</dt><dd>in the file</dd></div>}
      </dl>
      {may("edit") && <div class="acts"><Button icon="pencil" run={() => void open_dialog((close) => <StateLight asset={asset} known={known} measured={measured ?? null} done={set} close={close} />)}>State the light</Button></div>}
    </section>
  );
}

const GAMUTS = [{ value: "", label: "not stated" }, { value: "p3-d65", label: "P3-D65" }, { value: "bt2020", label: "BT.2020" }, { value: "bt709", label: "BT.709" }] as const;

// A person states what no measurement can know; what is measured is taken over only when somebody says so.
export function StateLight({ asset, known, measured, done, close }: { asset: Asset; known?: Known | null; measured?: QcReport["light"]; done: (k: Known) => void; close: () => void }) {
  const before = told_of(known ?? null, "track.mastering")?.value ?? "";
  const primaries = /^G\((\d+,\d+)\)/.exec(before)?.[1] ?? "", light = /L\((\d+),(\d+)\)$/.exec(before);
  const [gamut, set_gamut] = useState<(typeof GAMUTS)[number]["value"]>(primaries === "13250,34500" ? "p3-d65" : primaries === "8500,39850" ? "bt2020" : primaries === "15000,30000" ? "bt709" : "");
  const [high, set_high] = useState(light ? String(Number(light[1]) / 1e4) : "");
  const [low, set_low] = useState(light ? String(Number(light[2]) / 1e4) : "");
  const [cll, set_cll] = useState(told_of(known ?? null, "track.max_cll")?.value ?? "");
  const [fall, set_fall] = useState(told_of(known ?? null, "track.max_fall")?.value ?? "");
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  const send = async (): Promise<void> => {
    set_busy(true);
    try {
      const say = (field: string, value: string) => patch<Known>(`/versions/${asset.version.id}/record`, { field, number: 1, value });
      await say("track.mastering", gamut ? `${gamut} ${high.trim()} ${low.trim()}` : "");
      await say("track.max_cll", cll.trim());
      done(await say("track.max_fall", fall.trim()));
      tell("It is written down; deliverables of it say so");
      close();
    } catch (e) {
      set_wrong(problem_of(e));
      set_busy(false);
    }
  };
  return (
    <Dialog title={`The light of ${asset.name}`} close={close} submit={() => void send()} footer={<Button submit look="primary" busy={busy}>State it in my name</Button>}>
      <p class="quiet">The display that it was graded on is known to its colourist alone; the house never guesses it. Nothing here changes the picture: it is what HDR10 files say of it.</p>
      <Choice label="Mastering display" value={gamut} set={set_gamut} options={[...GAMUTS]} hint="The primaries that the grade was confined to, on a display with the white of D65" />
      {gamut && <div class="light-pair"><Field label="Brightest, cd/m²" value={high} set={set_high} placeholder="1000" required /><Field label="Darkest, cd/m²" value={low} set={set_low} placeholder="0.0001" required /></div>}
      <div class="light-pair"><Field label="MaxCLL, cd/m²" value={cll} set={set_cll} hint="The brightest pixel of all" /><Field label="MaxFALL, cd/m²" value={fall} set={set_fall} hint="The brightest frame, on average" /></div>
      {measured
        ? <div class="acts"><Button run={() => { set_cll(String(measured.max_cll)); set_fall(String(measured.max_fall)); }}>Use what was measured: {measured.max_cll}, {measured.max_fall}</Button></div>
        : <p class="quiet">A quality check measures MaxCLL and MaxFALL of a PQ picture.</p>}
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

// ---- its fields

interface Cadence {
  found: string;
  fields: string;
  rate: string;
  frames: number;
  deinterlaced?: number;
  film?: boolean;
  sections?: { kind: string; from: number }[];
}
interface Constant {
  rate: string;
  rule: string;
  repeated?: number;
  dropped?: number;
}
const KINDS: Record<string, string> = { "2:3": "film with a 2:3 pull-down", "2:2 late": "whole frames that lie a field late", progressive: "whole frames (progressive in interlaced)", interlaced: "interlaced", "fields in the other order": "fields in the other order" };

function Fields({ picture, report, look, asset }: { picture: VideoFact; report: QcReport | null; look: DeliveryLook | null; asset: Asset }) {
  const found = look?.found as { cadence?: Cadence; constant?: Constant } | undefined;
  const { cadence, constant } = found ?? {};
  const faults = report?.findings.filter((f) => ["cadence", "fields", "field-order"].includes(f.check)) ?? [];
  const laced = report?.interlaced_frames ?? 0;
  if (!cadence && !constant && !faults.length && !laced && ["progressive", "unknown"].includes(picture.field_order)) return null;
  const breaks = (cadence?.sections?.length ?? 1) - 1;
  return (
    <section>
      <h3>Fields and cadence</h3>
      <dl>
        <div><dt>The file says</dt><dd>{picture.field_order}</dd></div>
        {picture.cadence && !cadence && <div><dt>Looks like</dt><dd>{KINDS[picture.cadence.found] ?? picture.cadence.found}<span class="quiet source">in {count_text(picture.cadence.looked)} frames of a few pieces</span></dd></div>}
        {report && report.frames ? <div><dt>Seen</dt><dd>{laced ? `${count_text(laced)} of ${count_text(report.frames)} frames say they are interlaced${report.top_first_frames ? `, ${count_text(report.top_first_frames)} with the top field first` : ""}` : "no frame says it is interlaced"}<span class="quiet source">quality check, {report.rules}</span></dd></div> : null}
        {cadence && <div><dt>Found</dt><dd>{KINDS[cadence.found] ?? cadence.found}, {cadence.fields} field first{cadence.film ? `; ${count_text(cadence.frames)} film frames at ${rate_name(cadence.rate)}` : ""}{cadence.deinterlaced ? `; ${plural(cadence.deinterlaced, "frame")} had to be deinterlaced` : ""}<span class="quiet source">when {look?.name} was made of it</span></dd></div>}
        {breaks > 0 && <div><dt>Breaks</dt><dd>{plural(breaks, "break")}: {cadence?.sections?.slice(1, 9).map((s, i) => <>{i > 0 && ", "}<a key={s.from} href={to.review(asset.project, asset.id, { f: s.from })} title={KINDS[s.kind] ?? s.kind}>frame {count_text(s.from)}</a></>)}{breaks > 8 ? " …" : ""}</dd></div>}
        {constant && <div><dt>Constant rate</dt><dd>{rate_name(constant.rate)}: {constant.rule}{constant.repeated || constant.dropped ? `; ${constant.repeated ?? 0} repeated, ${constant.dropped ?? 0} left out` : ""}</dd></div>}
        {faults.slice(0, 6).map((f) => <div key={f.number}><dt class={f.severity === "fix" ? "bad" : "busy"}>Finding</dt><dd>{f.from != null ? <a href={to.review(asset.project, asset.id, { f: f.from })}>{f.timecode ?? `frame ${f.from}`}</a> : "whole file"}: {f.seen}</dd></div>)}
        {faults.length > 6 && <div><dt /><dd class="quiet">and {faults.length - 6} more, in Quality</dd></div>}
      </dl>
    </section>
  );
}

// ---- what goes beside it

const NAMES = { adm: "Atmos master (ADM)", "dolby-vision": "Dolby Vision metadata" } as const;

function Along({ asset, list, set }: { asset: Asset; list: Beside[]; set: (l: Beside[]) => void }) {
  if (asset.kind !== "clip" && asset.kind !== "sequence") return null;
  if (!list.length && !may("edit")) return null;
  const drop = (b: Beside): void => void del(`/assets/${b.asset}/beside`).then(() => set(list.filter((o) => o.asset !== b.asset)), (e: unknown) => tell_problem(problem_of(e)));
  return (
    <section class="beside">
      <h3>Beside it, unchanged</h3>
      {list.map((b) => {
        const off = b.fit.filter((f) => f.state === "no");
        return (
          <details key={b.asset} class="beside-file" open={!b.fits}>
            <summary><span class="cut" title={b.name}>{b.name}</span><span class={b.fits ? "good" : "bad"}>{b.fits ? "fits" : "does not fit"}</span></summary>
            <p class="quiet small">{NAMES[b.kind]} · v{b.number} · {size_text(b.size)} · {b.by}</p>
            {b.problem && <p class="bad small">{b.problem}</p>}
            {[...off, ...b.fit.filter((f) => f.state !== "no")].map((f) => <div key={f.what} class="fit-row small"><span class={f.state === "no" ? "bad" : f.state === "unknown" ? "note" : "good"}>{f.state === "no" ? "✗" : f.state === "unknown" ? "?" : "✓"}</span><span>{f.what}: <span class="mono">{f.seen}</span>{f.state !== "ok" && <span class="quiet"> (wanted {f.wanted}{f.fix ? `: ${f.fix}` : ""})</span>}</span></div>)}
            {may("edit") && <div class="acts"><Button run={() => drop(b)}>Take it off</Button></div>}
          </details>
        );
      })}
      {!list.length && <p class="quiet">Dolby Vision metadata (XML) or an Atmos master (ADM BWF) can be held against it, and goes along with deliverables as it came.</p>}
      {may("edit") && <div class="acts"><Button icon="link" run={() => void open_dialog((close) => <Put asset={asset} set={set} close={close} />)}>Put a file beside it…</Button></div>}
    </section>
  );
}

function Put({ asset, set, close }: { asset: Asset; set: (l: Beside[]) => void; close: () => void }) {
  const [files, set_files] = useState<Asset[] | null>(null);
  const [file, pick] = useState("");
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  useEffect(() => {
    Promise.all(["document", "sound"].map((kind) => get<AssetList>(`/projects/${asset.project}/assets?kind=${kind}&limit=500&sort=created&order=desc`))).then((lists) => {
      const all = lists.flatMap((l) => l.items).filter((a) => /\.(xml|wav|bwf|bw64|rf64)$/i.test(a.name));
      set_files(all);
      pick(all[0]?.id ?? "");
    }, (e: unknown) => set_wrong(problem_of(e)));
  }, []);
  const send = (): void => {
    set_busy(true);
    post<Beside[]>(`/assets/${asset.id}/beside`, { file }).then((l) => { set(l); close(); }, (e: unknown) => { set_wrong(problem_of(e)); set_busy(false); });
  };
  return (
    <Dialog title={`Put a file beside ${asset.name}`} close={close} submit={() => file && send()} footer={<Button submit look="primary" busy={busy} disabled={!file}>Put it there</Button>}>
      {files && files.length === 0
        ? <p>There is no XML or Broadcast Wave file in this project yet: bring it like any other file, then put it beside its film.</p>
        : <Choice label="File" value={file} set={pick} options={(files ?? []).map((f) => ({ value: f.id, label: f.name }))} hint="An XML or Broadcast Wave file of this project; it is read and held against the film" />}
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}
