/*
 * The comments beside the picture: threads in order of frame, live, and the box one writes in. What
 * others do changes the list but never moves what one reads (the browser anchors the scroll) or types.
 */
import type { Comment, NewComment, Problem, Stroke, Version } from "api-types";
import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { del, new_id, patch, post, problem_of, online } from "../app/api";
import { may } from "../app/session";
import { Button, Segments } from "../parts/button";
import { menu_under, type MenuItem } from "../parts/menu";
import { ProblemBox } from "../parts/problem";
import { Ago, Avatar } from "../parts/time";
import { tell, tell_problem } from "../parts/toast";
import { LeftNotes, Origin } from "./carried";
import { COLOURS } from "./draw";
import { addToOutbox, keepDraft, readDraft, readOutbox, takeFromOutbox, type Waiting } from "./drafts";
import { drop, put, threads, type Filter, type Thread } from "./threads";
import { by_version } from "./versions";

const touch = matchMedia("(pointer: coarse)").matches; // no keyboard to speak of

export type Tool = Stroke["tool"] | null;

export interface Pen {
  tool: Tool;
  colour: string;
  strokes: Stroke[];
}

interface Props {
  asset: string;
  version: string;
  versions: readonly Version[];
  elsewhere_too: Signal<boolean>;
  comments: Signal<Comment[]>;
  filter: Signal<Filter>;
  chosen: Signal<string | null>;
  pen: Signal<Pen>;
  waiting: Signal<string[]>; // ids not taken by the house yet
  label: (frame: number) => string;
  here: () => { frame: number; from: number | null; to: number | null };
  go: (c: Comment) => void;
  pause: () => boolean; // was it playing?
  resume: () => void;
  ask_name: (() => Promise<string | null>) | null; // of a share's visitor
  notes: () => MenuItem[]; // to and from editing programs
  head: (count: number) => ComponentChildren; // what stands in place of a title
}

export function send_waiting(asset: string, comments: Signal<Comment[]>, waiting: Signal<string[]>, one: Waiting): Promise<Problem | null> {
  waiting.value = [...waiting.value.filter((id) => id !== one.id), one.id];
  return post<Comment>(`/assets/${asset}/comments`, one, { key: one.id })
    .then((made) => {
      takeFromOutbox(asset, one.id);
      comments.value = put(comments.value, { ...made, mine: true });
      return null;
    })
    .catch((e: unknown) => {
      takeFromOutbox(asset, one.id);
      comments.value = drop(comments.value, one.id);
      return problem_of(e);
    })
    .finally(() => { waiting.value = waiting.value.filter((id) => id !== one.id); });
}

// What a comment looks like until the house has it.
export function as_comment(asset: string, one: Waiting, timecode: string): Comment {
  return {
    id: one.id, asset, version: one.version, number: 0, by: "You", by_id: "", mine: true, frame: one.frame,
    end_frame: one.end_frame ?? null, timecode, text: one.text, drawing: one.drawing ?? null, parent: one.parent ?? null,
    resolved: false, resolved_by: null, created: new Date().toISOString(), edited: null, deleted: false,
  };
}

export function Comments(p: Props) {
  const { here, elsewhere } = by_version(p.comments.value, p.version);
  const list = threads(p.elsewhere_too.value ? p.comments.value : here, p.filter.value, p.chosen.value);
  const heads = here.filter((c) => !c.parent && !c.deleted);
  const scroller = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const id = p.chosen.value;
    if (id) scroller.current?.querySelector(`[data-id="${CSS.escape(id)}"]`)?.scrollIntoView({ block: "nearest" });
  }, [p.chosen.value]);
  return (
    <section class="comments" aria-label="Comments">
      <header>
        {p.head(heads.length)}
        <Button icon="download" class="notes-menu" name="Notes to and from editing programs" expanded={false} run={(e) => menu_under(e.currentTarget as Element, p.notes(), { right: true, label: "Notes" })} />
        <Segments
          name="Which comments"
          value={p.filter.value}
          options={[{ value: "open", label: "Open" }, { value: "all", label: "All" }, { value: "mine", label: "Mine" }]}
          pick={(v) => { p.filter.value = v; }}
        />
      </header>
      {(elsewhere.length > 0 || p.elsewhere_too.value) && (
        <button type="button" class="elsewhere" aria-pressed={p.elsewhere_too.value} onClick={() => { p.elsewhere_too.value = !p.elsewhere_too.value; }}>
          {p.elsewhere_too.value ? "Only this version’s" : `${elsewhere.length} open on other versions: show`}
        </button>
      )}
      <LeftNotes version={p.version} comments={p.comments} here={() => p.here().frame} />
      <div class="comments-list" ref={scroller} tabIndex={0} role={list.length ? "list" : "group"} aria-label="List of comments">
        {list.map((t) => <One key={t.head.id} t={t} p={p} />)}
        {list.length === 0 && (
          <p class="empty">{heads.length === 0 ? `No comments${p.versions.length > 1 ? " on this version" : ""} yet. ${touch ? "Write one below" : "Press M to write one"}; it sits on this frame.` : p.filter.value === "open" ? "Nothing open: all is resolved." : "None of these are yours."}</p>
        )}
      </div>
      {may("comment") ? <Writer p={p} /> : <p class="writer quiet">You may look, not comment. Ask an owner of the project for the right to.</p>}
    </section>
  );
}

function One({ t, p }: { t: Thread; p: Props }) {
  const c = t.head;
  const [answering, set_answering] = useState(false);
  const on = p.chosen.value === c.id;
  const change = (what: Partial<Comment>, body: object): void => {
    const before = p.comments.value.find((o) => o.id === c.id);
    p.comments.value = put(p.comments.value, { ...c, ...what });
    patch<Comment>(`/comments/${c.id}`, body)
      .then((made) => { p.comments.value = put(p.comments.value, { ...made, mine: c.mine }); })
      .catch((e: unknown) => {
        if (before) p.comments.value = put(p.comments.value, before);
        tell_problem(problem_of(e));
      });
  };
  return (
    <div class={`comment${on ? " on" : ""}${c.resolved ? " done" : ""}`} role="listitem" data-id={c.id} onClick={() => p.go(c)}>
      <Avatar name={c.by} />
      <div class="body">
        <div class="who"><b class="cut">{c.by}</b>{p.waiting.value.includes(c.id) ? <span class="busy">{online.value ? "sending" : "waits for the line"}</span> : <Ago at={c.created} />}{c.edited && <span>edited</span>}</div>
        <button type="button" class="at" title="Go there">{p.label(c.frame)}{c.end_frame != null && c.end_frame !== c.frame ? ` – ${p.label(c.end_frame)}` : ""}{c.drawing?.length ? " ✎" : ""}</button>
        {p.versions.length > 1 && <span class={`mono of-version${c.version === p.version ? " quiet" : " note"}`}>on v{p.versions.find((v) => v.id === c.version)?.number ?? "?"}</span>}
        <Origin c={c} />
        <Words c={c} p={p} />
        {t.replies.map((r) => (
          <div class="reply" key={r.id}>
            <div class="who"><b class="cut">{r.by}</b>{p.waiting.value.includes(r.id) ? <span class="busy">waits</span> : <Ago at={r.created} />}</div>
            <Words c={r} p={p} />
          </div>
        ))}
        <div class="acts" onClick={(e) => e.stopPropagation()}>
          {may("comment") && <button type="button" onClick={() => set_answering(!answering)}>Reply</button>}
          {may("comment") && <button type="button" onClick={() => change({ resolved: !c.resolved }, { resolved: !c.resolved })}>{c.resolved ? "Open again" : "Resolve"}</button>}
          {c.resolved && <span>✓ Resolved{c.resolved_by ? ` by ${c.resolved_by}` : ""}</span>}
        </div>
        {answering && <Answer head={c} p={p} close={() => set_answering(false)} />}
      </div>
    </div>
  );
}

// The words, with what their author may do to them.
function Words({ c, p }: { c: Comment; p: Props }) {
  const [text, set_text] = useState<string | null>(null);
  const save = (): void => {
    const words = (text ?? "").trim();
    if (!words) return;
    patch<Comment>(`/comments/${c.id}`, { text: words })
      .then((made) => {
        p.comments.value = put(p.comments.value, { ...made, mine: true });
        set_text(null);
      })
      .catch((e: unknown) => tell_problem(problem_of(e), save));
  };
  // Deleting can be undone: the house is told when nobody did.
  const remove = (): void => {
    const before = p.comments.value;
    const gone = before.filter((o) => o.id === c.id || o.parent === c.id);
    p.comments.value = drop(before, c.id);
    let undone = false;
    const finish = (): void => {
      window.removeEventListener("pagehide", finish);
      window.clearTimeout(timer);
      if (undone) return;
      undone = true;
      del(`/comments/${c.id}`).catch((e: unknown) => {
        for (const g of gone) p.comments.value = put(p.comments.value, g);
        tell_problem(problem_of(e));
      });
    };
    const timer = window.setTimeout(finish, 8000);
    window.addEventListener("pagehide", finish);
    tell("Comment deleted", { name: "Undo", run: () => {
      if (undone) return;
      undone = true;
      window.clearTimeout(timer);
      window.removeEventListener("pagehide", finish);
      for (const g of gone) p.comments.value = put(p.comments.value, g);
    } });
  };
  if (text !== null) {
    return (
      <form class="writer" onClick={(e) => e.stopPropagation()} onSubmit={(e) => { e.preventDefault(); save(); }}>
        <textarea class="input" aria-label="Change the comment" value={text} onInput={(e) => set_text(e.currentTarget.value)} />
        <div class="line"><Button run={() => set_text(null)}>Cancel</Button><Button look="primary" submit>Save</Button></div>
      </form>
    );
  }
  return (
    <>
      <p class="words">{c.text}</p>
      {c.mine && !p.waiting.value.includes(c.id) && (
        <div class="acts" onClick={(e) => e.stopPropagation()}>
          <button type="button" onClick={() => set_text(c.text)}>Edit</button>
          <button type="button" onClick={remove}>Delete</button>
        </div>
      )}
    </>
  );
}

async function make(p: Props, one: Omit<NewComment, "id" | "version" | "name">): Promise<Problem | null> {
  let name: string | null = null;
  if (p.ask_name) {
    name = await p.ask_name();
    if (!name) return null;
  }
  const made: Waiting = { ...one, id: new_id(), version: p.version, ...(name ? { name } : {}) };
  addToOutbox(p.asset, made);
  p.comments.value = put(p.comments.value, as_comment(p.asset, made, p.label(made.frame)));
  return send_waiting(p.asset, p.comments, p.waiting, made);
}

function Answer({ head, p, close }: { head: Comment; p: Props; close: () => void }) {
  const key = `${p.asset}.${head.id}`;
  const [text, set_text] = useState(() => readDraft(key).text);
  const type = (t: string): void => {
    set_text(t);
    keepDraft(key, { text: t, drawing: [], frame: null });
  };
  const send = (): void => {
    const words = text.trim();
    if (!words) return;
    type("");
    close();
    void make(p, { frame: head.frame, text: words, parent: head.id }).then((bad) => {
      if (!bad) return;
      keepDraft(key, { text: words, drawing: [], frame: null });
      tell_problem(bad);
    });
  };
  return (
    <form class="writer" onClick={(e) => e.stopPropagation()} onSubmit={(e) => { e.preventDefault(); send(); }}>
      <textarea class="input" aria-label="Your reply" value={text} ref={(t) => t?.focus()} onInput={(e) => type(e.currentTarget.value)}
        onKeyDown={(e) => { if (e.key === "Enter" && !e.shiftKey) { e.preventDefault(); send(); } else if (e.key === "Escape") close(); }} />
      <div class="line"><Button run={close}>Cancel</Button><Button look="primary" submit>Reply</Button></div>
    </form>
  );
}

function Writer({ p }: { p: Props }) {
  const [text, set_text] = useState("");
  const [bad, set_bad] = useState<Problem | null>(null);
  const [at, set_at] = useState<number | null>(null);
  const was_playing = useRef(false);
  const pen = p.pen.value;
  useEffect(() => {
    const d = readDraft(p.asset);
    set_text(d.text);
    set_at(d.frame);
    if (d.drawing.length) p.pen.value = { ...p.pen.value, strokes: d.drawing };
    const left = readOutbox(p.asset);
    for (const one of left) {
      p.comments.value = put(p.comments.value, as_comment(p.asset, one, p.label(one.frame)));
      void send_waiting(p.asset, p.comments, p.waiting, one).then((refused) => { if (refused) refuse(one.text, one.drawing ?? [], refused); });
    }
  }, [p.asset]);
  const refuse = (words: string, strokes: Stroke[], why: Problem): void => {
    set_text((now) => (now ? `${words}\n${now}` : words));
    keepDraft(p.asset, { text: words, drawing: strokes, frame: null });
    p.pen.value = { ...p.pen.value, strokes };
    set_bad(why);
  };
  const begin = (): number => {
    if (p.pause()) was_playing.current = true;
    const frame = at ?? p.here().frame;
    if (at === null) set_at(frame);
    return frame;
  };
  const type = (t: string): void => {
    const frame = begin();
    set_text(t);
    if (!t && pen.strokes.length === 0) set_at(null);
    keepDraft(p.asset, { text: t, drawing: p.pen.value.strokes, frame });
  };
  useEffect(() => {
    if (pen.strokes.length > 0) keepDraft(p.asset, { text, drawing: pen.strokes, frame: begin() });
  }, [pen.strokes]);
  const send = (): void => {
    const words = text.trim();
    if (!words && pen.strokes.length === 0) return;
    const here = p.here();
    const frame = here.from ?? at ?? here.frame;
    const strokes = pen.strokes;
    set_bad(null);
    set_text("");
    set_at(null);
    p.pen.value = { ...pen, strokes: [], tool: null };
    keepDraft(p.asset, { text: "", drawing: [], frame: null });
    void make(p, { frame, end_frame: here.from !== null && here.to !== null && here.to > here.from ? here.to : null, text: words, drawing: strokes.length ? strokes : null })
      .then((refused) => { if (refused) refuse(words, strokes, refused); });
    if (was_playing.current) p.resume();
    was_playing.current = false;
  };
  const here = p.here();
  const place = here.from !== null ? `${p.label(here.from)}${here.to !== null ? ` – ${p.label(here.to)}` : ""}` : p.label(at ?? here.frame);
  return (
    <form class="writer" onSubmit={(e) => { e.preventDefault(); send(); }}>
      {bad && <ProblemBox problem={bad} />}
      <textarea id="comment-words" class="input" aria-label="Write a comment" placeholder={touch ? "Write a comment" : "Write a comment (M)"} value={text}
        onInput={(e) => type(e.currentTarget.value)}
        onKeyDown={(e) => { if (e.key === "Enter" && !e.shiftKey) { e.preventDefault(); send(); } else if (e.key === "Escape") e.currentTarget.blur(); }} />
      <div class="line">
        <span role="group" aria-label="Drawing" style={{ display: "flex", gap: "4px", alignItems: "center" }}>
          {(["pen", "arrow", "box"] as const).map((t) => (
            <Button key={t} on={pen.tool === t} run={() => { p.pause(); p.pen.value = { ...pen, tool: pen.tool === t ? null : t }; }}>{t === "pen" ? "Pen" : t === "arrow" ? "Arrow" : "Box"}</Button>
          ))}
          {pen.strokes.length > 0 && <Button name="Undo the last stroke" run={() => { p.pen.value = { ...pen, strokes: pen.strokes.slice(0, -1) }; }}>Undo</Button>}
        </span>
        {pen.tool && (
          <span role="group" aria-label="Colour" style={{ display: "flex", gap: "6px" }}>
            {COLOURS.map((c) => <button key={c} type="button" class="swatch" style={{ background: c }} aria-label={`Colour ${c}`} aria-pressed={pen.colour === c} onClick={() => { p.pen.value = { ...pen, colour: c }; }} />)}
          </span>
        )}
      </div>
      <div class="line"><span class="mono">{place}</span><Button look="primary" submit disabled={!text.trim() && pen.strokes.length === 0}>Send ⏎</Button></div>
      {!online.value && <div class="line busy">The house is out of reach: what you send waits here and goes out by itself.</div>}
    </form>
  );
}
