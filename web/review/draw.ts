/*
 * Drawings on a frame. Points are kept in parts of the picture (0..1 across and down, pressure), line
 * width in parts of its height: so they lie where they were drawn at every size, zoom and screen. Shapes
 * come out as SVG path data in a box `aspect` x 1 times UNIT. No DOM.
 */
import type { Stroke } from "api-types";
import { getStroke } from "perfect-freehand";

export const UNIT = 1000;
export const COLOURS = ["#ffd24a", "#ff5a4a", "#58d68d", "#5ab0ff", "#ffffff", "#101010"];

export function toPicture(x: number, y: number, box: { left: number; top: number; width: number; height: number }): [number, number] {
  const part = (v: number): number => Math.round(Math.min(1, Math.max(0, v)) * 1e5) / 1e5;
  return [part((x - box.left) / box.width), part((y - box.top) / box.height)];
}

// Adds a point; shapes with two ends keep the first and the newest.
export function extend(stroke: Stroke, x: number, y: number, pressure: number): Stroke {
  const points = stroke.tool === "pen" ? [...stroke.points, x, y, pressure] : [...stroke.points.slice(0, 3), x, y, pressure];
  return { ...stroke, points };
}

const n = (v: number): string => v.toFixed(1);

function outline(points: number[][]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  let d = `M${n(first[0] ?? 0)} ${n(first[1] ?? 0)}`;
  rest.forEach((p, i) => {
    const q = rest[i + 1] ?? first;
    d += `Q${n(p[0] ?? 0)} ${n(p[1] ?? 0)} ${n(((p[0] ?? 0) + (q[0] ?? 0)) / 2)} ${n(((p[1] ?? 0) + (q[1] ?? 0)) / 2)}`;
  });
  return `${d}Z`;
}

export function pathOf(stroke: Stroke, aspect: number): { d: string; fill: boolean; width: number } {
  const width = Math.max(1, stroke.width * UNIT);
  const at: [number, number, number][] = [];
  for (let i = 0; i + 2 < stroke.points.length; i += 3) {
    at.push([(stroke.points[i] ?? 0) * aspect * UNIT, (stroke.points[i + 1] ?? 0) * UNIT, stroke.points[i + 2] ?? 0.5]);
  }
  const a = at[0];
  const b = at[at.length - 1];
  if (!a || !b) return { d: "", fill: false, width };
  if (stroke.tool === "pen") {
    return { d: outline(getStroke(at, { size: width * 1.6, thinning: 0.4, smoothing: 0.5, streamline: 0.35, simulatePressure: false })), fill: true, width };
  }
  const [x0, y0] = a;
  const [x1, y1] = b;
  if (stroke.tool === "box") return { d: `M${n(x0)} ${n(y0)}H${n(x1)}V${n(y1)}H${n(x0)}Z`, fill: false, width };
  const angle = Math.atan2(y1 - y0, x1 - x0);
  const size = Math.min(width * 6, Math.hypot(x1 - x0, y1 - y0) / 2);
  const barb = (turn: number): string => `${n(x1 - size * Math.cos(angle + turn))} ${n(y1 - size * Math.sin(angle + turn))}`;
  return { d: `M${n(x0)} ${n(y0)}L${n(x1)} ${n(y1)}M${barb(0.5)}L${n(x1)} ${n(y1)}L${barb(-0.5)}`, fill: false, width };
}
