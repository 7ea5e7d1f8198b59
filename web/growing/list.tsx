// growing/list: recordings that come into a project while they are still being written.
import type { Growing } from "api-types";
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, post, problem_of } from "../app/api";
import { subscribe } from "../app/events";
import { lazy } from "../app/lazy";
import { may } from "../app/session";
import { Button } from "../parts/button";
import { ask, open_dialog } from "../parts/dialog";
import { exact_text, rate_text, size_text } from "../parts/format";
import { Icon } from "../parts/icons";
import { tell_problem } from "../parts/toast";

const EVERY_MS = 2000;
export const growing_list = signal<readonly Growing[]>([]);
const Watch = lazy(() => import("./watch"), (m, p: { file: string; name: string; close: () => void }) => <m.WatchDialog {...p} />);

// How far it is, in words.
export function far(g: Growing): string {
  const size = `${size_text(g.arrived)} of ${size_text(g.written)} here`;
  const rate = g.rate > 0 ? `, ${rate_text(g.rate)}` : "";
  switch (g.state) {
    case "closing": return `closed; read once more, ${size}`;
    case "silent": return `not closed, though it does not grow since ${exact_text(g.grew)}; ${size}`;
    case "lost": return `not closed since ${exact_text(g.grew)}, and nothing is heard of its sender; ${size}`;
    case "stored": return `never closed by its recorder; taken by the word of ${g.unclosed_by || "its sender"}`;
    default: return g.watch === "yes" ? `growing: ${g.duration_text} so far${rate}` : `growing: ${size}${rate}`;
  }
}

export function over(g: Growing): void {
  const alone = g.state === "lost" ? ` Its sender is gone: ${size_text(g.arrived)} of the ${size_text(g.written)} that were written are here, and no more will be in it.` : "";
  void ask({ title: `Is ${g.path} over?`, text: `Its recorder has not closed it. What is there becomes a version, marked as never closed by its recorder.${alone} To wait instead, do nothing: it goes on by itself.`, yes: "It is over" })
    .then((yes) => (yes ? post(`/files/${g.file}/finish`) : null))
    .catch((e: unknown) => tell_problem(problem_of(e)));
}

export function drop(g: Growing): void {
  void ask({ title: `Throw ${g.path} away?`, text: `${size_text(g.arrived)} of it are in the house; they are gone then. The file that is being recorded is not touched.`, yes: "Throw it away", danger: true })
    .then((yes) => (yes ? post(`/files/${g.file}/drop`) : null))
    .catch((e: unknown) => tell_problem(problem_of(e)));
}

export const stuck = (g: Growing): boolean => g.state === "silent" || g.state === "lost";

export function GrowingList({ project }: { project: string }) {
  useEffect(() => {
    let timer = 0, gone = false;
    const look = (): void => {
      window.clearTimeout(timer);
      get<Growing[]>(`/projects/${project}/growing`).then((list) => {
        if (gone) return;
        growing_list.value = list;
        if (list.some((g) => g.state !== "stored")) timer = window.setTimeout(look, EVERY_MS);
      }).catch(() => undefined); // the list comes with the next news
    };
    const stop = subscribe({ project, kinds: ["file.growing"], caught_up: look, hear: () => { if (!growing_list.value.some((g) => g.state !== "stored")) look(); } });
    look();
    return () => { gone = true; stop(); window.clearTimeout(timer); growing_list.value = []; };
  }, [project]);
  if (!growing_list.value.length) return null;
  return (
    <section class="growing" aria-label="Recordings that come in">
      {growing_list.value.map((g) => (
        <div key={g.file} class="growing-row">
          <Icon name={g.state === "growing" || g.state === "closing" ? "upload" : "alert"} size={14} />
          <b class="cut" title={g.path}>{g.path}</b>
          <span class="cut mono quiet" aria-live="off" title={far(g)}>{far(g)}{g.watch === "no" && g.state !== "stored" ? `; ${g.why}` : ""}</span>
          {g.watch === "yes" && <Button icon="play" run={() => void open_dialog((close) => <Watch file={g.file} name={g.path} close={close} />)}>Watch</Button>}
          {may("upload") && stuck(g) && <Button run={() => over(g)}>It is over</Button>}
          {may("upload") && stuck(g) && <Button run={() => drop(g)}>Throw away</Button>}
        </div>
      ))}
    </section>
  );
}
