/*
 * Notes in and out: the comments as files of editing programs, such files as comments, and a sheet with
 * the frames to print or to keep as a PDF.
 */
import type { Asset, Comment, NotesTaken, Version } from "api-types";
import { render } from "preact";
import { base, post, problem_of, with_query } from "../app/api";
import { Button } from "../parts/button";
import { open_dialog, Dialog } from "../parts/dialog";
import type { MenuItem } from "../parts/menu";
import { tell, tell_problem } from "../parts/toast";
import type { Player } from "../player/player";
import { UNIT, pathOf } from "./draw";
import { threads } from "./threads";

const OUT = [
  ["resolve-edl", "DaVinci Resolve markers (EDL)"], ["avid", "Avid markers (text)"], ["xmeml", "Premiere Pro (XML)"],
  ["fcpxml", "Final Cut Pro (FCPXML)"], ["otio", "OpenTimelineIO"], ["csv", "Table (CSV)"],
] as const;

export interface NotesOf {
  asset: Asset;
  version: Version;
  comments: () => Comment[]; // of this version
  may_comment: boolean;
  player: () => Player | null;
  label: (frame: number) => string;
}

export function notes_menu(n: NotesOf): MenuItem[] {
  const empty = n.comments().every((c) => c.deleted);
  return [
    { heading: "Notes to" },
    ...OUT.map(([format, title]) => ({ name: title, disabled: empty, run: () => save(n, format) })),
    { name: "Sheet with pictures, to print or as PDF", disabled: empty, run: () => void sheet(n) },
    ...(n.may_comment ? ["line" as const, { name: "Bring notes in: Resolve EDL, Avid text, CSV…", run: () => pick(n) }] : []),
  ];
}

function save(n: NotesOf, format: string): void {
  const link = document.createElement("a");
  link.href = with_query(`${base}/assets/${n.asset.id}/notes`, { version: n.version.id, format });
  link.download = "";
  link.click();
}

// ---- in

function pick(n: NotesOf): void {
  const field = document.createElement("input");
  field.type = "file";
  field.accept = ".edl,.txt,.csv,.tsv";
  field.onchange = () => { if (field.files?.[0]) void take(n, field.files[0]); };
  field.click();
}

export async function take(n: NotesOf, file: File): Promise<void> {
  const format = /\.edl$/i.test(file.name) ? "resolve-edl" : /\.(csv|tsv)$/i.test(file.name) ? "csv" : "avid";
  try {
    const taken = await post<NotesTaken>(`/assets/${n.asset.id}/notes`, { version: n.version.id, format, file: await file.text() });
    if (taken.left_count) open_dialog((close) => <Left taken={taken} file={file.name} close={close} />);
    else tell(`${taken.made} new from ${file.name}${taken.same ? `, ${taken.same} were there already` : ""}`);
  } catch (e) {
    tell_problem(problem_of(e));
  }
}

function Left({ taken, file, close }: { taken: NotesTaken; file: string; close: () => void }) {
  return (
    <Dialog title={`Notes from ${file}`} close={close} footer={<Button look="primary" run={close}>Close</Button>}>
      <p>{taken.made} new{taken.same ? `, ${taken.same} were there already` : ""}. {taken.left_count} {taken.left_count === 1 ? "line was" : "lines were"} left out:</p>
      <table class="table">
        <thead><tr><th>Line</th><th>Why</th></tr></thead>
        <tbody>{taken.left.map((l) => <tr key={l.line}><td class="mono">{l.line}</td><td>{l.why}</td></tr>)}</tbody>
      </table>
      {taken.left_count > taken.left.length && <p class="quiet">And {taken.left_count - taken.left.length} more.</p>}
    </Dialog>
  );
}

// ---- the sheet

interface Row { head: Comment; replies: Comment[]; picture: string }

// Each frame as the player shows it, with what was drawn on it.
async function picture(player: Player, c: Comment): Promise<string> {
  player.seek(c.frame, false);
  for (let i = 0; i < 600 && player.state.shown !== c.frame; i++) await new Promise((done) => setTimeout(done, 10));
  const from = player.canvas;
  if (player.state.shown !== c.frame || !from.width) return "";
  const to = document.createElement("canvas");
  to.width = 640;
  to.height = Math.max(1, Math.round((640 * from.height) / from.width));
  const pen = to.getContext("2d");
  if (!pen) return "";
  pen.drawImage(from, 0, 0, to.width, to.height);
  pen.scale(to.height / UNIT, to.height / UNIT);
  for (const stroke of c.drawing ?? []) {
    const shape = pathOf(stroke, to.width / to.height);
    pen.fillStyle = pen.strokeStyle = stroke.colour;
    pen.lineWidth = shape.width;
    if (shape.fill) pen.fill(new Path2D(shape.d));
    else pen.stroke(new Path2D(shape.d));
  }
  return to.toDataURL("image/jpeg", 0.85);
}

async function sheet(n: NotesOf): Promise<void> {
  const player = n.player();
  const list = threads(n.comments(), "all", null);
  const rows: Row[] = [];
  const was = player?.state.frame ?? 0;
  for (const [i, t] of list.entries()) {
    if (list.length > 10 && i % 10 === 0) tell(`Pictures for the sheet: ${i} of ${list.length}`);
    rows.push({ ...t, picture: player && player.state.status === "ready" ? await picture(player, t.head) : "" });
  }
  player?.seek(was, false);
  const host = document.createElement("div");
  host.className = "notes-sheet";
  document.body.append(host);
  render(<Sheet n={n} rows={rows} />, host);
  await Promise.all([...host.querySelectorAll("img")].map((i) => i.decode().catch(() => undefined)));
  const gone = (): void => { render(null, host); host.remove(); };
  window.addEventListener("afterprint", gone, { once: true });
  window.print();
}

function Sheet({ n, rows }: { n: NotesOf; rows: Row[] }) {
  return (
    <>
      <h1>{n.asset.name} <small>version {n.version.number}, {rows.length} {rows.length === 1 ? "note" : "notes"}, {new Date().toLocaleDateString()}</small></h1>
      {rows.map(({ head, replies, picture: shown }) => (
        <section key={head.id}>
          {shown ? <img src={shown} alt="" /> : <div class="no-picture">no picture</div>}
          <div>
            <p><b>{n.label(head.frame)}{head.end_frame != null && head.end_frame !== head.frame ? ` – ${n.label(head.end_frame)}` : ""}</b> {head.by}{head.resolved ? ", resolved" : ""}</p>
            <p class="words">{head.text || "(a drawing)"}</p>
            {replies.map((r) => <p key={r.id} class="words answer">{r.by}: {r.text}</p>)}
          </div>
        </section>
      ))}
    </>
  );
}
