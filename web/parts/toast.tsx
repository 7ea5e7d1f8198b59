import type { Problem } from "api-types";
import { signal } from "@preact/signals";
import { Button } from "./button";
import { ProblemBox } from "./problem";

interface Toast {
  id: number;
  text?: string;
  problem?: Problem;
  act?: { name: string; run: () => void };
  retry?: () => void;
}

const toasts = signal<readonly Toast[]>([]);
let next_id = 1;

// Says something for a few seconds, with the way back ("Undo") when there is one.
export function tell(text: string, act?: { name: string; run: () => void }, stay_ms = act ? 10_000 : 4_000): void {
  add({ id: next_id++, text, act }, stay_ms);
}

// A refusal that has no place of its own on the page. It stays until it is closed.
export function tell_problem(problem: Problem, retry?: () => void): void {
  if (toasts.value.some((t) => t.problem?.title === problem.title && t.problem.detail === problem.detail)) return;
  add({ id: next_id++, problem, retry }, 0);
}

function add(toast: Toast, stay_ms: number): void {
  toasts.value = [...toasts.value.slice(-3), toast];
  if (stay_ms) window.setTimeout(() => drop(toast.id), stay_ms);
}

const drop = (id: number): void => {
  toasts.value = toasts.value.filter((t) => t.id !== id);
};

// Where they are drawn: once, in the shell.
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((t) => (
        <div key={t.id} class="toast">
          {t.problem ? (
            <ProblemBox
              problem={t.problem}
              retry={
                t.retry &&
                (() => {
                  drop(t.id);
                  t.retry?.();
                })
              }
            />
          ) : (
            <span class="text">{t.text}</span>
          )}
          {t.act && (
            <Button
              run={() => {
                drop(t.id);
                t.act?.run();
              }}
            >
              {t.act.name}
            </Button>
          )}
          <Button icon="close" name="Close" look="plain" run={() => drop(t.id)} />
        </div>
      ))}
    </div>
  );
}
