// farm/look: the small pieces that the farm's views share.
import type { Problem } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { get, is_aborted, problem_of } from "../app/api";
import { route, to } from "../app/router";
import { count_text, sentence } from "../parts/format";
import { Icon } from "../parts/icons";
import { ProblemBox } from "../parts/problem";
import { counts_of, type Counts, type Job, type Reason } from "./model";

const parts = ["done", "running", "failed", "cancelled", "waiting"] as const;

// A thin bar of how many tasks are in which state; the numbers are in its name.
export function Stack({ counts: c, name }: { counts: Counts; name: string }) {
  const words = parts.filter((p) => c[p]).map((p) => `${count_text(c[p])} ${p}`).join(", ");
  return (
    <span class="stack" role="img" aria-label={`${name}: ${words || "nothing yet"}`} title={words}>
      {parts.map((p) => c[p] > 0 && <i key={p} class={`s-${p}`} style={{ flexGrow: Math.max(c[p] / Math.max(1, c.total), 0.012) }} />)}
    </span>
  );
}

export function Tabs({ at }: { at: "queue" | "nodes" | "limits" }) {
  const project = route.value.project;
  const tab = (key: typeof at, name: string, address: string) => <a href={address} aria-current={at === key ? "page" : undefined}>{name}</a>;
  return (
    <nav class="tabs" aria-label="Farm">
      {tab("queue", "Queue", to.farm(project))}
      {tab("nodes", "Machines", to.job(project, "nodes"))}
      {tab("limits", "Limits", to.job(project, "limits"))}
    </nav>
  );
}

// "Why does it not run?": the house's sentences, asked for again when the job has changed.
export function Why({ job }: { job: Job }) {
  const [reasons, set] = useState<Reason[] | null>(null);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const counts = counts_of(job);
  const [turn, again] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    const ask = () =>
      get<Reason[]>(`/jobs/${job.id}/why`, { signal: stop.signal }).then(
        (r) => {
          set(r);
          set_wrong(null);
        },
        (e: unknown) => !is_aborted(e) && set_wrong(problem_of(e)),
      );
    const wait = window.setTimeout(() => void ask(), 120);
    return () => {
      window.clearTimeout(wait);
      stop.abort();
    };
  }, [job.id, job.state, job.priority, job.tier, counts.running, turn]);
  if (wrong) return <ProblemBox problem={wrong} retry={() => again((n) => n + 1)} />;
  if (!reasons) return <div class="skeleton bar" />;
  if (!reasons.length) return <p class="quiet">{counts.running ? `It runs: ${count_text(counts.running)} of its tasks at this moment.` : job.state === "done" ? "It is done." : "Nothing is in its way."}</p>;
  return (
    <ul class="why">
      {reasons.map((r, i) => (
        <li key={`${r.kind}${i}`}>
          <Icon name={i === 0 ? "right" : "more"} size={12} />
          <span>{sentence(r.text)}{r.step > 0 && (job.steps?.length ?? 0) > 1 ? ` (step ${job.steps?.[r.step - 1]?.name ?? r.step})` : ""}</span>
        </li>
      ))}
    </ul>
  );
}
