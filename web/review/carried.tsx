/*
 * review/carried: notes of the version before that are here too, and those whose frame is gone: they wait for a place, or stay where they are.
 */
import type { Comment, NoteWaiting } from "api-types";
import type { Signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { get, post, problem_of } from "../app/api";
import { set_query } from "../app/router";
import { may } from "../app/session";
import { tell_problem } from "../parts/toast";
import { put } from "./threads";

// "from v2, 00:00:12:03": a link to where it was written.
export function Origin({ c }: { c: Comment }) {
  const o = c.origin;
  if (!o) return null;
  return (
    <button type="button" class="mono origin quiet" title={o.how === "picture" ? "carried to the frame that looks the same" : o.how === "timecode" ? "carried to the same timecode" : "placed by hand"} onClick={(e) => { e.stopPropagation(); set_query({ v: o.number, f: o.frame, c: o.comment }); }}>
      from v{o.number}, {o.timecode}
    </button>
  );
}

export function LeftNotes({ version, comments, here }: { version: string; comments: Signal<Comment[]>; here: () => number }) {
  const [list, set_list] = useState<NoteWaiting[]>([]);
  const count = comments.value.length;
  useEffect(() => {
    let gone = false;
    get<NoteWaiting[]>(`/versions/${version}/waiting-notes`).then((l) => { if (!gone) set_list(l); }, () => undefined);
    return () => { gone = true; };
  }, [version, count]);
  const place = (w: NoteWaiting, frame: number | null) =>
    void post<Comment>(`/versions/${version}/waiting-notes`, { comment: w.comment.id, ...(frame === null ? {} : { frame }) }).then(
      (made) => { set_list((l) => l.filter((o) => o !== w)); if (frame !== null) comments.value = put(comments.value, made); }, (e: unknown) => tell_problem(problem_of(e)));
  if (!list.length) return null;
  return (
    <details class="waiting-notes">
      <summary>{list.length === 1 ? "1 note is not carried" : `${list.length} notes are not carried`}</summary>
      <ul>
        {list.map((w) => (
          <li key={w.comment.id}>
            <p><b>{w.comment.by}</b> <span class="mono quiet">{w.comment.timecode}</span> {w.comment.text || "(a drawing)"}</p>
            <p class="quiet">{w.why}</p>
            {may("comment") && <div class="acts"><button type="button" onClick={() => place(w, here())}>Place it on this frame</button><button type="button" onClick={() => place(w, null)}>Leave it on its version</button></div>}
          </li>
        ))}
      </ul>
    </details>
  );
}
