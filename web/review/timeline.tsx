/*
 * Under the bar, on the same axis: loudness as it was measured (momentary, short-term, integrated) with the target and the
 * limits of the report's rules, true peaks over their limit, and the findings. A click goes to the frame.
 */
import sheet from "./timeline.css?url";
import type { QcFinding, QcProgramme, QcReport, QcTimeline } from "api-types";
import type { Signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, is_aborted } from "../app/api";
import type { PlayerState } from "../player/player";
import { look_of } from "./quality";
import { FLOOR, frame_of_point, over_near, point_of_frame, value_text, y_of } from "./timeline_model";

export { sheet };

interface Props {
  report: QcReport;
  state: Signal<PlayerState>;
  total: number;
  chosen: number | null;
  label: (frame: number) => string;
  seek: (frame: number) => void;
  go: (f: QcFinding) => void;
}

const HEIGHT = 104, ROW = 10; // of the curves with the findings' row

export function Timeline(p: Props) {
  const [line, set_line] = useState<QcTimeline | null>(null);
  const [missing, set_missing] = useState(false);
  const [which, set_which] = useState(0);
  const [at, set_at] = useState<number | null>(null); // a frame that is pointed at
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, set_width] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    set_line(null);
    set_missing(false);
    get<QcTimeline>(`/qc/${p.report.id}/timeline`, { signal: stop.signal }).then(set_line, (e: unknown) => { if (!is_aborted(e)) set_missing(true); });
    return () => stop.abort();
  }, [p.report.id]);
  useEffect(() => {
    const c = canvas.current;
    if (!c) return;
    const size = new ResizeObserver(() => set_width(c.clientWidth));
    size.observe(c);
    return () => size.disconnect();
  }, [line !== null]);
  const programme = line?.programmes[Math.min(which, line.programmes.length - 1)];
  useEffect(() => {
    const c = canvas.current;
    if (c && line && programme && width) draw(c, width, line, programme, p);
  }, [line, programme, width, p.total, p.report, p.chosen]);
  if (missing) return <p class="timeline-none quiet">This report has no loudness over time: there was no sound, or an older Posthouse measured it.</p>;
  if (!line || !programme) return <div class="timeline skeleton" aria-busy="true" />;
  const frame = at ?? p.state.value.frame;
  const point = point_of_frame(line, programme, frame);
  const { limits } = line;
  const top = Math.max(...programme.peaks, FLOOR);
  const over = limits.most_dbtp != null && top / 10 > limits.most_dbtp;
  const away = limits.target_lufs != null && Math.abs(programme.integrated - limits.target_lufs) > (limits.tolerance_lu ?? 0) + 0.05;
  const frame_at = (e: MouseEvent): number => {
    const r = (e.currentTarget as Element).getBoundingClientRect();
    return Math.max(0, Math.min(p.total - 1, Math.floor(((e.clientX - r.left) / r.width) * p.total)));
  };
  const press = (e: MouseEvent): void => {
    const r = (e.currentTarget as Element).getBoundingClientRect();
    const here = frame_at(e), reach = (4 * p.total) / r.width;
    if (e.clientY - r.top > HEIGHT - ROW - 4) {
      const f = p.report.findings.filter((o) => o.from != null).find((o) => here >= (o.from ?? 0) - reach && here <= (o.to ?? o.from ?? 0) + reach);
      if (f) return p.go(f);
    }
    p.seek(over_near(programme, here, reach) ?? here);
  };
  return (
    <div class="timeline" role="group" aria-label="Loudness over time">
      <div class="timeline-head">
        {line.programmes.length > 1
          ? <select class="input" aria-label="Which sound" value={String(which)} onChange={(e) => set_which(Number(e.currentTarget.value))}>{line.programmes.map((o, i) => <option key={o.name} value={String(i)}>{o.name}</option>)}</select>
          : <span class="cut">{programme.name}</span>}
        <span title="Programme loudness of all of it (BS.1770, gated)">I <b class={away ? "bad" : ""}>{value_text(programme.integrated * 10)}</b> LUFS{limits.target_lufs != null && <span class="quiet"> of {value_text(limits.target_lufs * 10)} ± {limits.tolerance_lu ?? 0}</span>}</span>
        <span title="Loudness range (EBU Tech 3342)">LRA <b>{programme.range.toFixed(1)}</b> LU</span>
        <span title="The highest true peak">TP <b class={over ? "bad" : ""}>{value_text(top)}</b> dBTP{limits.most_dbtp != null && <span class="quiet"> of {value_text(limits.most_dbtp * 10)}</span>}</span>
        <span class="here" title="At the playhead, or where you point"><span class="quiet">{p.label(frame)}</span> M <b class="momentary">{value_text(programme.momentary[point] ?? FLOOR)}</b> S <b class="short">{value_text(programme.short[point] ?? FLOOR)}</b></span>
      </div>
      <div class="timeline-room">
        <canvas ref={canvas} height={HEIGHT} role="img"
          aria-label={`Loudness of ${programme.name}: integrated ${value_text(programme.integrated * 10)} LUFS, ${(programme.over as unknown[]).length ? `${(programme.over as unknown[]).length} seconds with true peaks over the limit` : "no true peak over the limit"}`}
          onClick={press} onPointerMove={(e) => set_at(frame_at(e))} onPointerLeave={() => set_at(null)} />
        <div class="bar-head" style={{ left: `${((p.state.value.frame + 0.5) / p.total) * 100}%` }} />
      </div>
    </div>
  );
}

function draw(c: HTMLCanvasElement, width: number, line: QcTimeline, o: QcProgramme, p: Props): void {
  const ratio = window.devicePixelRatio || 1, high = HEIGHT - ROW;
  c.width = Math.round(width * ratio);
  c.height = Math.round(HEIGHT * ratio);
  const g = c.getContext("2d");
  if (!g) return;
  g.scale(ratio, ratio);
  const look = getComputedStyle(c);
  const colour = (name: string): string => look.getPropertyValue(name).trim() || "#808080";
  const x = (frame: number): number => (frame / p.total) * width;
  const level = (y: number, name: string, dash: number[]): void => {
    g.strokeStyle = colour(name);
    g.setLineDash(dash);
    g.beginPath();
    g.moveTo(0, Math.round(y) + 0.5);
    g.lineTo(width, Math.round(y) + 0.5);
    g.stroke();
    g.setLineDash([]);
  };
  const { limits } = line;
  // Every ten LU a quiet line, with its number.
  g.font = `10px ${colour("--mono")}`;
  for (let db = -10; db > -50; db -= 10) {
    level(y_of(db * 10, high), "--line", []);
    g.fillStyle = colour("--text-quiet");
    g.fillText(String(db).replace("-", "−"), 2, y_of(db * 10, high) - 2);
  }
  if (limits.target_lufs != null) {
    const t = limits.tolerance_lu ?? 0, top = y_of((limits.target_lufs + t) * 10, high), bottom = y_of((limits.target_lufs - t) * 10, high);
    g.fillStyle = colour("--good");
    g.globalAlpha = 0.22;
    g.fillRect(0, top, width, Math.max(2, bottom - top));
    g.globalAlpha = 1;
    level(y_of(limits.target_lufs * 10, high), "--good", [2, 4]);
  }
  if (limits.most_lufs != null) level(y_of(limits.most_lufs * 10, high), "--busy", [6, 4]);
  if (limits.most_dbtp != null) level(y_of(limits.most_dbtp * 10, high), "--bad", [6, 4]);
  const curve = (values: readonly number[], name: string, wide: number): void => {
    g.strokeStyle = colour(name);
    g.lineWidth = wide;
    g.beginPath();
    let pen = false;
    values.forEach((v, i) => {
      if (v <= FLOOR) { pen = false; return; }
      const here = x(frame_of_point(line, o, i + 0.5));
      if (pen) g.lineTo(here, y_of(v, high));
      else g.moveTo(here, y_of(v, high));
      pen = true;
    });
    g.stroke();
    g.lineWidth = 1;
  };
  curve(o.momentary, "--text-quiet", 1);
  curve(o.short, "--note", 1.5);
  if (o.integrated > -70) level(y_of(o.integrated * 10, high), "--text-strong", [8, 3]);
  g.fillStyle = colour("--bad");
  for (const [frame] of o.over as [number, number][]) {
    g.beginPath();
    g.moveTo(x(frame + 0.5) - 4, 0);
    g.lineTo(x(frame + 0.5) + 4, 0);
    g.lineTo(x(frame + 0.5), 7);
    g.fill();
  }
  g.fillStyle = colour("--ground");
  g.fillRect(0, high, width, ROW);
  for (const f of p.report.findings) {
    if (f.from == null) continue;
    g.globalAlpha = f.waived_by ? 0.4 : 1;
    g.fillStyle = colour(`--${look_of(f.severity)}`);
    g.fillRect(x(f.from), high + 2, Math.max(3, x((f.to ?? f.from) + 1) - x(f.from)), ROW - 4);
    if (p.chosen === f.number) {
      g.strokeStyle = colour("--focus");
      g.strokeRect(x(f.from) - 1, high + 0.5, Math.max(5, x((f.to ?? f.from) + 1) - x(f.from) + 2), ROW - 1);
    }
    g.globalAlpha = 1;
  }
}
