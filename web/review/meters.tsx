/*
 * Meters beside the picture: the peak of each channel in dBFS with what it held, the loudness of the last three seconds,
 * and a solo and a mute for each. Bars are moved by hand, past the page's drawing: they change 47 times a second.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../parts/button";
import { decibels } from "../player/loudness";
import type { MeterNews } from "../player/meter.worklet";
import type { Sound } from "../player/sound";

const FLOOR_DB = -60;
const FALL_DB = 20 / 1.5; // a second
const HOLD_MS = 1500;
const MARKS = [0, -6, -12, -18, -24, -36, -48];
const height = (db: number): number => Math.max(0, Math.min(1, 1 - db / FLOOR_DB));
const text = (db: number): string => (db <= FLOOR_DB * 2 || !Number.isFinite(db) ? "–∞" : db.toFixed(1).replace("-", "−"));

interface Level {
  db: number;
  held: number;
  held_at: number;
  most: number; // since it was cleared
}

export function Meters({ sound, listen }: { sound: Sound; listen: (hear: (n: MeterNews) => void) => () => void }) {
  const [, draw_again] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const loud = useRef<HTMLSpanElement>(null);
  const levels = useRef<Level[]>([]);
  useEffect(() => {
    let frame = 0;
    let before = performance.now();
    let places = sound.places.length;
    const stop = listen((news) => {
      if (sound.places.length !== places) draw_again((n) => n + 1);
      places = sound.places.length;
      const now = performance.now();
      levels.current = sound.places.map((_, c) => {
        const was = levels.current[c] ?? { db: -Infinity, held: -Infinity, held_at: 0, most: -Infinity };
        const db = decibels(news.peaks[c] ?? 0);
        const up = db >= was.held || now - was.held_at > HOLD_MS;
        return { db: Math.max(was.db, db), held: up ? db : was.held, held_at: up ? now : was.held_at, most: Math.max(was.most, db) };
      });
      if (loud.current) loud.current.textContent = text(news.short);
    });
    const move = (now: number): void => {
      const fall = ((now - before) / 1000) * FALL_DB;
      before = now;
      box.current?.querySelectorAll<HTMLElement>("[role=meter]").forEach((bar, c) => {
        const level = levels.current[c];
        if (!level) return;
        level.db -= fall;
        if (now - level.held_at > HOLD_MS) level.held = Math.min(level.held, level.db);
        bar.style.setProperty("--level", String(height(level.db)));
        bar.style.setProperty("--held", String(height(level.held)));
        bar.classList.toggle("over", level.most >= -0.05);
        bar.setAttribute("aria-valuenow", String(Math.round(Math.max(FLOOR_DB, level.held))));
        const most = bar.previousElementSibling;
        if (most) most.textContent = text(level.most);
      });
      frame = requestAnimationFrame(move);
    };
    frame = requestAnimationFrame(move);
    return () => {
      cancelAnimationFrame(frame);
      stop();
    };
  }, [sound]);
  const toggle = (what: "solo" | "mute", c: number): void => {
    sound.toggle(what, c);
    draw_again((n) => n + 1);
  };
  return (
    <aside class="meters" aria-label="Meters">
      <div class="meters-bars" ref={box}>
        <div class="meters-scale" aria-hidden="true"><span>{MARKS.map((m) => <i key={m} style={{ bottom: `${height(m) * 100}%` }}>{m === 0 ? "0" : `−${-m}`}</i>)}</span></div>
        {sound.places.map((p, c) => (
          <div key={c} class="meter">
            <button type="button" class="most" title={`The highest of ${p.name} so far, in dBFS; press to begin again`} onClick={() => { levels.current = []; }}>–∞</button>
            <div role="meter" tabIndex={-1} aria-label={`${p.name}, dBFS`} aria-valuemin={FLOOR_DB} aria-valuemax={0} aria-valuenow={FLOOR_DB}><i /><b /></div>
            <span class="mono">{p.name}</span>
            <Button name={`${p.name} alone`} keys={c < 8 ? `Alt-${c + 1}` : undefined} on={sound.solo.has(c)} run={() => toggle("solo", c)}>S</Button>
            <Button name={`${p.name} off`} on={sound.mute.has(c)} run={() => toggle("mute", c)}>M</Button>
          </div>
        ))}
      </div>
      <p class="mono" title="Loudness of the last three seconds, all channels of the file (ITU-R BS.1770)"><span ref={loud}>–∞</span> <span class="quiet">LUFS-S</span></p>
    </aside>
  );
}
