/*
 * farm/log: what an attempt wrote, line by line, while it runs and afterwards. Only the lines that are seen are
 * drawn; following stops when one scrolls up, and errors and warnings are marked.
 */
import type { Problem } from "api-types";
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { get, is_aborted, problem_of } from "../app/api";
import { Button, copy_text } from "../parts/button";
import { count_text, plural } from "../parts/format";
import { useKeys } from "../parts/keys";
import { ProblemBox } from "../parts/problem";
import { tell } from "../parts/toast";
import { VirtualRows, type Rows } from "../parts/virtual";
import { LogText, type LogLine } from "./log_lines";
import type { LogPart } from "./model";

const LINE = 18;
const AGAIN_MS = 1500;

class Lines {
  private words = new LogText();
  loaded = false;
  problem: Problem | null = null;
  private next = 0;
  private timer = 0;
  private stop = new AbortController();

  constructor(private address: string, public live: boolean, private changed: () => void) {
    void this.load();
  }
  get list(): readonly LogLine[] {
    return this.words.lines;
  }
  get marked(): readonly number[] {
    return this.words.marked;
  }
  close(): void {
    this.stop.abort();
    window.clearTimeout(this.timer);
  }
  async load(): Promise<void> {
    try {
      for (let more = true; more; ) {
        const part = await get<LogPart>(`${this.address}?after=${this.next}`, { signal: this.stop.signal });
        this.words.add(part.text);
        more = part.next > this.next;
        this.next = part.next;
        this.loaded = true;
        this.problem = null;
        this.changed();
      }
    } catch (e) {
      if (is_aborted(e)) return;
      this.problem = problem_of(e);
      this.changed();
      return;
    }
    if (this.live) this.timer = window.setTimeout(() => void this.load(), document.hidden ? AGAIN_MS * 4 : AGAIN_MS);
  }
}

export function Log({ address, live, wide, widen, name }: { address: string; live: boolean; wide: boolean; widen: () => void; name: string }) {
  const [turn, changed] = useReducer((n: number) => n + 1, 0);
  const lines = useMemo(() => new Lines(address, live, () => changed(0)), [address]);
  lines.live = live;
  useEffect(() => () => lines.close(), [lines]);
  const [follow, set_follow] = useState(true);
  const [finding, set_finding] = useState<string | null>(null);
  const [found_at, set_found_at] = useState(0);
  const [at, set_at] = useState(-1);
  const rows = useRef<Rows>(null);
  const box = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const count = lines.list.length;

  useEffect(() => {
    if (follow && count) rows.current?.scroll_to(count - 1);
  }, [count, follow, wide]);
  // Of one that has ended badly the first error is what one came for.
  useEffect(() => {
    const error = lines.marked.find((n) => lines.list[n]?.mark === "error");
    if (lines.loaded && !lines.live && error !== undefined) {
      set_follow(false);
      show(error);
    }
  }, [lines, lines.loaded && !lines.live]);

  const show = (place: number) => {
    set_follow(false);
    set_at(place);
    rows.current?.scroll_to(place, "center");
  };
  const next_mark = (by: 1 | -1) => {
    const place = by > 0 ? (lines.marked.find((n) => n > at) ?? lines.marked[0]) : ([...lines.marked].reverse().find((n) => n < at) ?? lines.marked[lines.marked.length - 1]);
    if (place !== undefined) show(place);
  };
  const want = finding?.toLowerCase() ?? "";
  const found = useMemo(() => (want ? lines.list.flatMap((l, n) => (l.text.toLowerCase().includes(want) ? [n] : [])) : []), [want, turn]);
  const next_found = (by: number) => {
    if (!found.length) return;
    const to = (found_at + by + found.length) % found.length;
    set_found_at(to);
    show(found[to] ?? 0);
  };
  useEffect(() => {
    if (found.length) show(found[0] ?? 0);
    set_found_at(0);
  }, [want]);
  const copy = async () => {
    if (await copy_text(lines.list.map((l) => l.text).join("\n"))) tell(`${plural(count, "line")} copied`);
  };
  const find = () => {
    set_finding((f) => f ?? "");
    field.current?.select(); // of one that is open already
  };
  useLayoutEffect(() => field.current?.focus(), [finding === null]);
  useKeys("Log", [
    { keys: ["Ctrl+F"], name: "Find in the log", in_fields: true, run: () => (wide || box.current?.contains(document.activeElement) ? find() : false) },
    { keys: ["E"], name: "Next error or warning of the log", run: () => next_mark(1) },
    { keys: ["Shift+E"], name: "Error or warning before", run: () => next_mark(-1), in_palette: false },
    { keys: ["L"], name: "Log over the whole width, and back", run: widen },
    { keys: ["End"], name: "Follow the end of the log", run: () => (wide || box.current?.contains(document.activeElement) ? set_follow(true) : false), in_palette: false },
  ]);
  const draw = (n: number) => {
    const l = lines.list[n];
    if (!l) return null;
    return (
      <div class={`log-line${l.mark ? ` ${l.mark}` : ""}${n === at ? " at" : ""}`}>
        <span class="number">{n + 1}</span>
        <span class="text">{want ? marked(l.text, want) : l.text}</span>
      </div>
    );
  };
  return (
    <div ref={box} class="log">
      <div class="log-bar">
        <h3>Log</h3>
        <span class="quiet mono cut" role="status">{lines.loaded ? `${count_text(count)} lines${lines.live ? ", live" : ""}` : ""}</span>
        {lines.marked.length > 0 && <Button look="plain" icon="alert" name="Next error or warning" keys="E" run={() => next_mark(1)}>{count_text(lines.marked.length)}</Button>}
        <span class="gap" />
        {lines.live && <Button on={follow} run={() => set_follow(!follow)}>Follow</Button>}
        <Button look="plain" icon="search" name="Find in the log" keys="Ctrl F" run={find} />
        <Button look="plain" icon="copy" name="Copy the log" run={() => void copy()} />
        <Button look="plain" icon="full" name={wide ? "Beside the frames" : "Over the whole width"} keys="L" on={wide || undefined} run={widen} />
      </div>
      {finding !== null && (
        <div class="log-find">
          <input ref={field} class="input" type="search" aria-label="Find in the log" placeholder="Find" value={finding} onInput={(e) => set_finding(e.currentTarget.value)} onKeyDown={(e) => { if (e.key === "Enter") next_found(e.shiftKey ? -1 : 1); else if (e.key === "Escape") { set_finding(null); rows.current?.element?.focus({ preventScroll: true }); } else return; e.preventDefault(); e.stopPropagation(); }} />
          <span class="mono quiet" role="status">{want ? (found.length ? `${found_at + 1} of ${count_text(found.length)}` : "not there") : ""}</span>
          <Button look="plain" icon="close" name="Stop finding" run={() => set_finding(null)} />
        </div>
      )}
      {lines.problem ? (
        <ProblemBox problem={lines.problem} retry={() => void lines.load()} />
      ) : !lines.loaded ? (
        <div aria-busy="true"><div class="skeleton bar" /><div class="skeleton bar" /></div>
      ) : !count ? (
        <p class="quiet said">{lines.live ? "It has written nothing yet." : "It wrote nothing."}</p>
      ) : (
        <VirtualRows
          rows={rows}
          count={count}
          row_height={LINE}
          draw={draw}
          class="log-lines"
          attributes={{
            tabIndex: 0, role: "log", "aria-label": name, "aria-live": "off",
            onWheel: (e) => { if (e.deltaY < 0) set_follow(false); },
            onScroll: (e) => { const b = e.currentTarget; if (lines.live && b.scrollTop + b.clientHeight >= b.scrollHeight - 2) set_follow(true); },
            onKeyDown: (e) => { if (["ArrowUp", "PageUp", "Home"].includes(e.key)) set_follow(false); if (/^(Arrow|Page|Home)/.test(e.key)) e.stopPropagation(); },
          }}
        />
      )}
    </div>
  );
}

function marked(text: string, want: string) {
  const parts = [];
  const low = text.toLowerCase();
  let from = 0;
  for (let at = low.indexOf(want); at >= 0; at = low.indexOf(want, from)) {
    parts.push(text.slice(from, at), <mark key={at}>{text.slice(at, at + want.length)}</mark>);
    from = at + want.length;
  }
  parts.push(text.slice(from));
  return parts;
}
