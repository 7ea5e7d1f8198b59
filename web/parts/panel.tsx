import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { Button } from "./button";

/*
 * A side panel: folds, remembers its width (by `name`), and never covers the work. Left ones fold with
 * "[", right ones with "]" (the shell has the keys).
 */
const FOLDED = { left: "posthouse.left", right: "posthouse.right" } as const;
const stored = (key: string): string | null => {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
};
const store = (key: string, value: string): void => {
  try {
    localStorage.setItem(key, value);
  } catch {
    // no storage: it is remembered until the page is closed
  }
};

export const folded = {
  left: signal(stored(FOLDED.left) === "1" || window.innerWidth < 720),
  right: signal(stored(FOLDED.right) === "1" || window.innerWidth < 900),
};
export function fold(side: "left" | "right"): void {
  folded[side].value = !folded[side].value;
  store(FOLDED[side], folded[side].value ? "1" : "0");
}

interface PanelProps {
  side: "left" | "right";
  name: string; // of the panel: read out, and what its width is remembered by
  width: number; // at first
  min?: number;
  max?: number;
  children: ComponentChildren;
}

export function Panel({ side, name, width, min = 160, max = 560, children }: PanelProps) {
  const box = useRef<HTMLElement>(null);
  const key = `posthouse.width.${name}`;
  const kept = Number(stored(key));
  const now = kept >= min && kept <= max ? kept : width;
  if (folded[side].value) return null;
  const size = (px: number) => {
    const fit = Math.round(Math.min(max, Math.max(min, px)));
    if (box.current) box.current.style.width = `${fit}px`;
    store(key, String(fit));
  };
  const drag = (e: PointerEvent) => {
    const grip = e.currentTarget;
    if (!(grip instanceof HTMLElement)) return;
    grip.setPointerCapture(e.pointerId);
    const from = e.clientX;
    const start = box.current?.offsetWidth ?? now;
    const move = (m: PointerEvent) => size(start + (side === "left" ? m.clientX - from : from - m.clientX));
    const end = () => {
      grip.removeEventListener("pointermove", move);
      grip.removeEventListener("pointerup", end);
      grip.removeEventListener("pointercancel", end);
    };
    grip.addEventListener("pointermove", move);
    grip.addEventListener("pointerup", end);
    grip.addEventListener("pointercancel", end);
    e.preventDefault();
  };
  return (
    <aside ref={box} class={`panel ${side}`} aria-label={name} style={{ width: `${now}px` }}>
      <div class="narrow-only fold">
        <Button icon="close" name={`Close ${name}`} look="plain" run={() => fold(side)} />
      </div>
      <div class="inside">{children}</div>
      <div
        class="grip"
        role="separator"
        tabIndex={0}
        aria-orientation="vertical"
        aria-label={`Width of ${name}`}
        aria-valuemin={min}
        aria-valuemax={max}
        aria-valuenow={now}
        onPointerDown={drag}
        onKeyDown={(e) => {
          const step = { ArrowLeft: -16, ArrowRight: 16 }[e.key];
          if (step === undefined) return;
          e.preventDefault();
          e.stopPropagation();
          size((box.current?.offsetWidth ?? now) + (side === "left" ? step : -step));
        }}
      />
    </aside>
  );
}
