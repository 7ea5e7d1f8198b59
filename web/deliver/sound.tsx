// deliver/sound: which channels of the master become which tracks, and what becomes of the loudness; a part of an order.
import type { AudioFact, DeliveryPlan, PlannedTrack, QcReport, Version } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { get } from "../app/api";
import { me } from "../app/session";
import { Button, Segments } from "../parts/button";
import { Choice, Field, Tick } from "../parts/field";
import { Ago } from "../parts/time";
import type { SoundOrder } from "./order_model";
import { LAYOUTS, RULES, channels_of, filled, gain_to, rows_of, sources_of, type MapRow } from "./sound_model";

const db = (n: number): string => `${n > 0 ? "+" : n < 0 ? "−" : ""}${Math.abs(n).toFixed(1)} dB`;
const level = (n: number): string => n.toFixed(1).replace("-", "−");

const from_words = (t: PlannedTrack, sources: readonly { value: string; label: string }[]): string =>
  t.channels.map((c) => `${c.label} ← ${c.from.length ? c.from.map((f) => sources.find((s) => s.value === `${f.track}.${f.channel}`)?.label ?? `${f.track}.${f.channel}`).join(" + ") : "silence"}`).join(" · ");

export function SoundPart({ version, plan, sound, set }: { version: string; plan: DeliveryPlan; sound: SoundOrder; set: (s: SoundOrder) => void }) {
  const [audio, set_audio] = useState<AudioFact[]>([]);
  useEffect(() => {
    get<Version>(`/versions/${version}`).then((v) => set_audio(v.facts?.audio ?? []), () => undefined);
  }, [version]);
  if (!audio.length) return null;
  const sources = sources_of(audio);
  const { rows } = sound;
  const change = (i: number, row: MapRow): void => set({ ...sound, rows: (rows ?? []).map((r, k) => (k === i ? row : r)) });
  return (
    <fieldset class="order-part">
      <legend>Sound</legend>
      {!rows && plan.sound.length > 0 && (
        <ol class="tracks">
          {plan.sound.map((t, i) => <li key={i}><b>{t.name}</b>{t.language && ` · ${t.language}`} <span class="quiet">{t.how}</span><div class="quiet small">{from_words(t, sources)}</div></li>)}
        </ol>
      )}
      {!rows && plan.sound.length === 0 && <p class="quiet">The profile finds no sound for itself: say which channels become which tracks.</p>}
      {rows?.map((r, i) => <MapTrack key={i} number={i + 1} row={r} audio={audio} sources={sources} set={(row) => change(i, row)} drop={rows.length > 1 ? () => set({ ...sound, rows: rows.filter((_, k) => k !== i) }) : undefined} />)}
      <div class="acts">
        {rows
          ? <>
            <Button run={() => set({ ...sound, rows: [...rows, { layout: "stereo", split: false, language: "", rule: "", from: filled("stereo", [], sources) }] })}>Another track</Button>
            <Button run={() => set({ ...sound, rows: null })}>As the profile says</Button>
          </>
          : <Button run={() => set({ ...sound, rows: plan.sound.length ? rows_of(plan.sound, audio) : [{ layout: "stereo", split: false, language: "", rule: "", from: filled("stereo", [], sources) }] })}>Map it by hand</Button>}
      </div>
    </fieldset>
  );
}

function MapTrack({ number, row, audio, sources, set, drop }: { number: number; row: MapRow; audio: AudioFact[]; sources: { value: string; label: string }[]; set: (r: MapRow) => void; drop?: (() => void) | undefined }) {
  const rules = RULES.filter((r) => r.makes === row.layout);
  const ways = [{ value: "", label: "channels as they are" }, ...rules.map((r) => ({ value: r.value, label: r.label }))];
  const pick_layout = (layout: string): void => {
    const rule = RULES.some((r) => r.value === row.rule && r.makes === layout) ? row.rule : "";
    set({ ...row, layout, rule, from: rule ? row.from : filled(layout, row.rule ? [] : row.from, sources) });
  };
  return (
    <div class="map-track" role="group" aria-label={`Track ${number}`}>
      <div class="form-line">
        <Choice label={`Track ${number}`} value={row.layout} set={pick_layout} options={LAYOUTS.map((l) => ({ value: l.value, label: l.label }))} />
        <Choice label="Made of" value={row.rule} set={(rule) => set({ ...row, rule, from: rule ? ["1"] : filled(row.layout, [], sources) })} options={ways} />
        <Field label="Language" value={row.language} set={(language) => set({ ...row, language })} placeholder="as in the master" maxlength={35} />
        {drop && <Button icon="close" name={`Take track ${number} out`} look="plain" run={drop} />}
      </div>
      {row.rule
        ? <Choice label="Of which track" value={row.from[0] ?? "1"} set={(t) => set({ ...row, from: [t] })} options={audio.map((t, i) => ({ value: String(i + 1), label: `track ${i + 1}: ${t.layout || `${t.channels} channels`}${t.title ? `, ${t.title}` : ""}` }))} />
        : <div class="map-channels">
          {channels_of(row.layout).map((c, i) => (
            <Choice key={c} label={c} value={row.from[i] ?? "silence"} set={(v) => set({ ...row, from: filled(row.layout, row.from, sources).map((o, k) => (k === i ? v : o)) })} options={[...sources, { value: "silence", label: "silence" }]} />
          ))}
        </div>}
      {!row.rule && channels_of(row.layout).length > 1 && <Tick label="Each channel a track of its own" on={row.split} set={(split) => set({ ...row, split })} />}
    </div>
  );
}

interface Wanted {
  method?: string;
  target?: number;
  within?: number;
  true_peak?: number;
}

// What the profile wants of the loudness, what was measured, and what is to be done about it. Nothing is, unless somebody says so.
export function LoudnessPart({ version, plan, sound, set }: { version: string; plan: DeliveryPlan; sound: SoundOrder; set: (s: SoundOrder) => void }) {
  const [report, set_report] = useState<QcReport | null>(null);
  const [name, set_name] = useState(me.value?.person?.name ?? "");
  useEffect(() => {
    get<QcReport[]>(`/versions/${version}/qc`).then((list) => set_report(list.find((r) => r.state === "done" && r.sound?.length) ?? null), () => undefined);
  }, [version]);
  const wanted = plan.loudness as Wanted | null;
  if (!wanted || wanted.target == null) return null;
  const first = report?.sound?.find((s) => s.track === 0) ?? report?.sound?.[0]; // 0: mono tracks together
  const dialogue = wanted.method === "bs1770-1-dialogue";
  const loudness = dialogue ? first?.dialogue_lufs ?? null : first?.loudness_lufs ?? null;
  const to = first && loudness !== null ? gain_to(wanted.target, loudness, first.true_peak_dbtp) : null;
  const over = to && wanted.true_peak != null && to.peak > wanted.true_peak + 0.05;
  return (
    <fieldset class="order-part">
      <legend>Loudness</legend>
      <p>The profile wants <b>{level(wanted.target)} LUFS</b>{wanted.within != null && ` ± ${wanted.within}`}{wanted.true_peak != null && <>, true peak at most <b>{level(wanted.true_peak)} dBTP</b></>}{dialogue && ", of the dialogue"}.
        {first ? <> Measured: {loudness === null ? "no dialogue" : <b>{level(loudness)} LUFS</b>}{dialogue && loudness !== null && ` over ${Math.round(first.speech_percent ?? 0)} % of speech, approximate`}, true peak <b>{level(first.true_peak_dbtp)} dBTP</b> <span class="quiet">(quality report, <Ago at={report?.created ?? ""} />)</span>.</>
          : <span class="quiet"> The master has not been measured: a quality check measures it, and so does making the file.</span>}</p>
      <Segments name="What becomes of the loudness" value={sound.gain ? "gain" : "report"} pick={(v) => set({ ...sound, gain: v === "gain", limiter: v === "gain" ? sound.limiter : null })}
        options={[{ value: "report", label: "Report only", hint: "It is measured and held against what is wanted; the sound stays as it is" }, { value: "gain", label: "Even gain to the target", hint: "All of it evenly, as far as the true peak allows" }]} />
      {sound.gain && to && <p class={over ? "busy" : "quiet"}>{db(to.gain)} would bring the true peak to {level(to.peak)} dBTP{over ? sound.limiter === null ? `: it is raised only as far as ${level(wanted.true_peak ?? 0)} dBTP allows, unless somebody consents to a limiter` : ": the limiter holds it" : ""}.</p>}
      {sound.gain && <Tick label="A true-peak limiter may change the mix" on={sound.limiter !== null} set={(on) => set({ ...sound, limiter: on ? name : null })} />}
      {sound.gain && sound.limiter !== null && <Field label="Who consents to it" value={name} set={(v) => { set_name(v); set({ ...sound, limiter: v }); }} required maxlength={100} hint="The name is written into the report, with the time." />}
    </fieldset>
  );
}
