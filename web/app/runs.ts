// app/runs: changes of many values (tables brought in, their undoing) that are being set, by project and number, live.
import type { ValueChange } from "api-types";
import { signal } from "@preact/signals";
import { get } from "./api";
import { subscribe } from "./events";

export const runs = signal<ReadonlyMap<string, ValueChange>>(new Map());
export const run_key = (project: string, number: number): string => `${project} ${number}`;

function take(project: string, c: ValueChange): void {
  const map = new Map(runs.value);
  if (c.run && !c.run.ended) map.set(run_key(project, c.number), c);
  else map.delete(run_key(project, c.number));
  runs.value = map;
}

let begun = false;
export function follow_runs(): void {
  if (begun) return;
  begun = true;
  subscribe({
    kinds: ["value-change.changed"],
    hear: (news) => { if (news.project && news.body) take(news.project, news.body as ValueChange); },
    // What was missed in a break may have ended.
    caught_up: () => { for (const key of runs.value.keys()) ask(key); },
  });
}
const ask = (key: string): void => {
  const [project, number] = key.split(" ");
  if (project && number) get<ValueChange>(`/projects/${project}/value-changes/${number}`).then((c) => take(project, c), () => undefined);
};
