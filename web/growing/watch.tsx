// growing/watch: a recording played while it grows: up to what has come, the end moves on.
import sheet from "./growing.css?url";
import type { Growing, Problem } from "api-types";
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get, problem_of } from "../app/api";
import { addresses_of } from "../compare/source";
import { Button } from "../parts/button";
import { Dialog } from "../parts/dialog";
import { useKeys } from "../parts/keys";
import { ProblemBox } from "../parts/problem";
import { Bar } from "../player/bar";
import worker_address from "../player/decode.worker.ts?worker";
import { Player, emptyState, type Media, type PlayerState } from "../player/player";
import { formatTimecode } from "../player/timecode";
import type { Addresses } from "../player/messages";
import { may } from "../app/session";
import { drop, far, over, stuck } from "./list";

export { sheet };
const EVERY_MS = 1500;

function growing_addresses(g: Growing): Addresses {
  const found = addresses_of(g.derived);
  return {
    ...(found.scrub && { scrub: { ...found.scrub, growing: true } }),
    ...(found.review && { review: { ...found.review, growing: true } }),
  };
}

function media_of(g: Growing): Media | null {
  const f = g.facts, video = f?.video[0];
  const addresses = growing_addresses(g);
  if (!f || !video || !addresses.scrub) return null;
  const tc = f.timecode;
  return {
    ...addresses, picture: true, rate: f.rate, durationFrames: Math.max(1, g.frames), startFrame: tc?.start_frame ?? 0, base: tc?.base ?? Math.round(Number(f.rate.split("/")[0]) / Number(f.rate.split("/")[1] ?? 1)),
    framesPerLabel: tc?.frames_per_label ?? 1, drop: tc?.drop ?? false, firstFile: null, aspect: video.display_width / Math.max(1, video.display_height),
  };
}

export function WatchDialog({ file, name, close }: { file: string; name: string; close: () => void }) {
  const stage = useRef<HTMLDivElement>(null), bar_host = useRef<HTMLDivElement>(null);
  const player = useRef<Player | null>(null);
  const state = useSignal<PlayerState>(emptyState());
  const row = useSignal<Growing | null>(null);
  const ended = useSignal(false);
  const wrong = useSignal<Problem | null>(null);
  const label = (n: number): string => formatTimecode(n + state.value.startFrame, state.value.tc);

  useEffect(() => {
    const host = stage.current, under = bar_host.current;
    if (!host || !under) return;
    let timer = 0, gone = false, opened = false;
    const load = (): Promise<Growing> => get<Growing>(`/files/${file}/growing`);
    const made = new Player(host, { makeWorker: () => new Worker(worker_address, { type: "module" }), renew: () => load().then(growing_addresses, () => ({})) });
    player.current = made;
    const track = new Bar(under, { seek: (n, moving) => made.seek(n, moving), label });
    const stop = made.subscribe((s) => { state.value = s; track.update(s); });
    const look = (): void => {
      load().then((g) => {
        const media = media_of(g);
        if (gone) return;
        row.value = g;
        wrong.value = null;
        if (media && !opened) void made.open(media, 0);
        else if (media) made.update(media);
        opened = opened || media !== null;
        ended.value = g.state === "stored";
      }, (e: unknown) => {
        const p = problem_of(e);
        if (p.kind === "not_found") ended.value = true;
        else wrong.value = p;
      }).finally(() => {
        if (gone) return;
        if (!ended.value) timer = window.setTimeout(look, EVERY_MS);
        else made.close(); // what it showed is thrown away
      });
    };
    look();
    return () => { gone = true; window.clearTimeout(timer); stop(); track.close(); made.close(); player.current = null; };
  }, [file]);
  useKeys("Recording", [
    { keys: ["Space"], name: "Play or stop", run: () => player.current?.toggle() },
    { keys: ["ArrowLeft"], name: "One frame back", run: () => player.current?.step(-1) },
    { keys: ["ArrowRight"], name: "One frame on", run: () => player.current?.step(1) },
    { keys: ["End"], name: "To what came last", run: () => player.current?.seek(Math.max(0, state.value.count - 1)) },
  ], { modal: true });
  const s = state.value, g = row.value;
  const rate = s.rate.num / s.rate.den;
  // What its recorder has written and the picture has not shown yet.
  const behind = g && g.rate > 0 && g.arrived > 0 && g.frames > 0 ? Math.max(0, Math.round(((g.written / g.arrived) * g.frames - s.count) / rate)) : null;
  return (
    <Dialog title={name} close={close} wide>
      {wrong.value && <ProblemBox problem={wrong.value} />}
      <div ref={stage} class="growing-stage" />
      <div ref={bar_host} class="growing-bar" />
      {g && !ended.value && stuck(g) && (
        <p class="growing-stuck" role="status">
          <b>{g.path}</b> is {far(g)}. Wait for its recorder{may("upload") && <>, <Button run={() => over(g)}>take it as it is</Button> or <Button run={() => drop(g)}>throw it away</Button></>}.
        </p>
      )}
      <div class="growing-foot">
        <Button icon={s.speed ? "pause" : "play"} name={s.speed ? "Stop" : "Play"} keys="Space" run={() => player.current?.toggle()} />
        <span class="mono" id="growing-position">{label(s.frame)}</span>
        <Button run={() => player.current?.seek(Math.max(0, s.count - 1))}>To the end so far</Button>
        <span class="quiet" role="status">{ended.value ? "It is closed: the whole version is in the library." : g && !stuck(g) ? `${far(g)}${behind !== null ? `; about ${behind} s behind the recorder` : ""}` : ""}</span>
      </div>
    </Dialog>
  );
}
