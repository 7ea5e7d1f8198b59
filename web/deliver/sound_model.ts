/*
 * A map of the sound as it is edited on the page, and as the house reads it (docs/formats/profile.md):
 * "5.1=1.1,1.2,1.3,1.4,1.5,1.6 stereo:eng=1@lo-ro". No DOM.
 */
import type { AudioFact, PlannedTrack } from "api-types";

export interface MapRow {
  layout: string;
  split: boolean; // each channel a track of its own
  language: string;
  rule: string; // "": channels as they are; else the rule by which a track is mixed down
  from: string[]; // of channels: "1.2" or "silence"; of a mix: the track
}

export const LAYOUTS: { value: string; label: string; channels: string[] }[] = [
  { value: "mono", label: "Mono", channels: ["M"] },
  { value: "stereo", label: "Stereo", channels: ["L", "R"] },
  { value: "lt-rt", label: "Lt/Rt", channels: ["Lt", "Rt"] },
  { value: "lcr", label: "LCR", channels: ["L", "R", "C"] },
  { value: "quad", label: "Quad", channels: ["L", "R", "Ls", "Rs"] },
  { value: "5.0", label: "5.0", channels: ["L", "R", "C", "Ls", "Rs"] },
  { value: "5.1", label: "5.1", channels: ["L", "R", "C", "LFE", "Ls", "Rs"] },
  { value: "7.1", label: "7.1", channels: ["L", "R", "C", "LFE", "Lss", "Rss", "Lrs", "Rrs"] },
];
// By the layout that they make.
export const RULES: { value: string; label: string; makes: string }[] = [
  { value: "lo-ro", label: "mixed down, Lo/Ro", makes: "stereo" },
  { value: "lt-rt", label: "mixed down, Lt/Rt", makes: "lt-rt" },
  { value: "mono", label: "mixed down to mono", makes: "mono" },
  { value: "surround", label: "mixed down to 5.1", makes: "5.1" },
];

export const channels_of = (layout: string): string[] => LAYOUTS.find((l) => l.value === layout)?.channels ?? [];

// Every channel of the master, as the map names it and as people do.
export function sources_of(audio: readonly AudioFact[]): { value: string; label: string }[] {
  return audio.flatMap((t, i) => {
    const layout = LAYOUTS.find((l) => t.layout.startsWith(l.value) && l.channels.length === t.channels);
    return Array.from({ length: t.channels }, (_, c) => ({
      value: `${i + 1}.${c + 1}`,
      label: t.channels === 1 ? `track ${i + 1}` : `track ${i + 1}, ${layout?.channels[c] ?? `channel ${c + 1}`}`,
    }));
  });
}

// The channels that a row has nothing for yet: as they lie, from `first` on.
export function filled(layout: string, from: readonly string[], sources: readonly { value: string }[]): string[] {
  return channels_of(layout).map((_, i) => from[i] ?? sources[i]?.value ?? "silence");
}

// What the profile would do, as rows that can be changed.
export function rows_of(planned: readonly PlannedTrack[], audio: readonly AudioFact[]): MapRow[] {
  const sources = sources_of(audio);
  return planned.map((t) => {
    const layout = LAYOUTS.find((l) => l.value === t.layout)?.value ?? LAYOUTS.find((l) => l.channels.length === t.channels.length)?.value ?? "stereo";
    const mixed = t.channels.some((c) => c.from.length > 1);
    const rule = mixed ? (RULES.find((r) => r.makes === layout)?.value ?? "") : "";
    const places = t.channels.map((c) => (c.from[0] ? `${c.from[0].track}.${c.from[0].channel}` : "silence"));
    return { layout, split: false, language: t.language ?? "", rule, from: rule ? [String(t.channels.find((c) => c.from[0])?.from[0]?.track ?? 1)] : filled(layout, places, sources) };
  });
}

export function map_text(rows: readonly MapRow[]): string {
  return rows.map((r) => `${r.layout}${r.split ? "*" : ""}${r.language ? `:${r.language.replace(/[^A-Za-z0-9-]/g, "")}` : ""}=${r.from.join(",")}${r.rule ? `@${r.rule}` : ""}`).join(" ");
}

// What an even gain to the target comes to: by how much, and where the true peak would be.
export function gain_to(target: number, integrated: number, peak: number): { gain: number; peak: number } {
  const gain = target - integrated;
  return { gain, peak: peak + gain };
}
