// Where a frame lies on the points of a loudness curve, and back. Levels are 1/10 LUFS or dBTP. No DOM.
import type { QcProgramme, QcTimeline } from "api-types";

export const FLOOR = -999; // there is none
const LOWEST = -500, HIGHEST = 30;

const frames_a_second = (line: QcTimeline): number => {
  const [num = "25", den = "1"] = line.rate.split("/");
  return Number(num) / Number(den);
};
export const frame_of_point = (line: QcTimeline, o: QcProgramme, point: number): number => ((point * o.point_ms) / 1000) * frames_a_second(line);
export const point_of_frame = (line: QcTimeline, o: QcProgramme, frame: number): number =>
  Math.max(0, Math.min(o.short.length - 1, Math.floor(((frame + 0.5) / frames_a_second(line)) * (1000 / o.point_ms))));

// From the top, in a room of `high` pixels.
export const y_of = (level: number, high: number): number => Math.max(0, Math.min(1, (HIGHEST - level) / (HIGHEST - LOWEST))) * high;

export const value_text = (level: number): string => (level <= -900 ? "−∞" : (level / 10).toFixed(1).replace("-", "−"));

// The frame of a true peak over the limit near to where somebody pointed.
export function over_near(o: QcProgramme, frame: number, reach: number): number | null {
  let best: number | null = null;
  for (const [at] of o.over as [number, number][]) if (Math.abs(at - frame) <= reach && (best === null || Math.abs(at - frame) < Math.abs(best - frame))) best = at;
  return best;
}
