/*
 * Captions over the picture, where they would stand: in the cells of 608, in their box, or in the safe area
 * (10 % at each side). Sizes are of the picture's box, so that they scale with it; a line that is too long is
 * made smaller, or breaks, and never leaves the picture.
 */
import type { JSX } from "preact";
import type { Cue, Run } from "./model";

const run_style = (r: Run): JSX.CSSProperties => ({
  ...(r.c && { color: r.c }), ...(r.bg && { background: r.bg }),
  ...(r.i && { fontStyle: "italic" }), ...(r.b && { fontWeight: 700 }), ...(r.u && { textDecoration: "underline" }),
});

function Words({ line }: { line: readonly Run[] }) {
  return <span class="cap-words">{line.map((r, i) => <span key={i} style={run_style(r)}>{r.ruby ? <ruby>{r.t}<rt>{r.ruby}</rt></ruby> : r.t}</span>)}</span>;
}

const letters = (line: readonly Run[]): number => line.reduce((n, r) => n + [...r.t].length, 0);

// A cell is 2.5 % of the width, a row 5.33 % of the height; letters shrink when a line has more than the room behind it.
function Cells({ cue }: { cue: Cue }) {
  const placed = cue.cells ?? [];
  let below = 15 - cue.lines.length;
  return <>{cue.lines.map((line, i) => {
    const [said, column = 0] = placed[i] ?? [0, 0];
    const row = said || Math.min(15, below + 1);
    below = row;
    const room = 32 - column;
    const scale = Math.min(1, room / Math.max(1, letters(line)));
    return <div key={i} class="cap-cells" style={{ left: `${10 + column * 2.5}%`, width: `${Math.min(room, letters(line)) * 2.5}%`, top: `${10 + (row - 1) * 80 / 15}%`, "--cap-scale": String(scale) }}><Words line={line} /></div>;
  })}</>;
}

const text_align = (cue: Cue): "left" | "right" | "center" => (cue.align === "left" || cue.align === "start" ? "left" : cue.align === "right" || cue.align === "end" ? "right" : "center");

function Block({ cues, box }: { cues: readonly Cue[]; box?: Cue["box"] }) {
  const first = cues[0] as Cue;
  const lines = cues.reduce((n, c) => n + c.lines.length + c.lines.reduce((m, l) => m + Math.floor(letters(l) / 48), 0), 0);
  const [x, y, w, h] = box ?? [1000, 1000, 8000, 8000];
  const vertical = first.writing === "down-rl" ? "vertical-rl" : first.writing === "down-lr" ? "vertical-lr" : undefined;
  return (
    <div class={`cap-box cap-${first.vertical}`} style={{ left: `${x / 100}%`, top: `${y / 100}%`, width: `${w / 100}%`, height: `${h / 100}%`, "--cap-scale": String(Math.min(1, (box ? h / 10000 / 0.066 : 12) / Math.max(1, lines))), ...(vertical && { writingMode: vertical }) }}>
      {cues.map((c, k) => <div key={k} class="cap-cue" style={{ textAlign: text_align(c) }}>{c.lines.map((l, i) => <div key={i}><Words line={l} /></div>)}</div>)}
    </div>
  );
}

const has_cells = (c: Cue): boolean => c.cells?.some(([row]) => row > 0) === true && !c.writing;

export function CaptionsOver({ cues, language }: { cues: readonly Cue[]; language: string }) {
  if (!cues.length) return null;
  const free = cues.filter((c) => !has_cells(c) && !c.box);
  return (
    <div class="captions-over" lang={language || undefined} data-count={cues.length}>
      {cues.filter(has_cells).map((c, i) => <Cells key={`c${i}`} cue={c} />)}
      {cues.filter((c) => c.box && !has_cells(c)).map((c, i) => <Block key={`b${i}`} cues={[c]} box={c.box} />)}
      {(["top", "middle", "bottom"] as const).map((v) => {
        const here = free.filter((c) => c.vertical === v);
        return here.length > 0 && <Block key={v} cues={here} />;
      })}
    </div>
  );
}
