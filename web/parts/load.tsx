// parts/load: something fetched for a view: loading, failed, there.
import type { Problem } from "api-types";
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { get, is_aborted, problem_of } from "../app/api";
import { ProblemBox } from "./problem";

export interface Loading<T> {
  value: T | null;
  problem: Problem | null;
  reload: () => void;
  set: (v: T) => void;
}

// Fetches `path` and again when it changes; what was there stays until the new one is.
export function use_load<T>(path: string): Loading<T> {
  const [value, set] = useState<T | null>(null);
  const [problem, set_problem] = useState<Problem | null>(null);
  const [turn, again] = useState(0);
  const last = useRef(path);
  useEffect(() => {
    const stop = new AbortController();
    if (last.current !== path) {
      last.current = path;
      set(null);
    }
    get<T>(path, { signal: stop.signal }).then(
      (v) => {
        set(v);
        set_problem(null);
      },
      (e: unknown) => {
        if (!is_aborted(e)) set_problem(problem_of(e));
      },
    );
    return () => stop.abort();
  }, [path, turn]);
  return { value, problem, reload: useCallback(() => again((n) => n + 1), []), set };
}

export function Loaded<T>({ from, children }: { from: Loading<T>; children: (value: T) => ComponentChildren }) {
  if (from.value === null)
    return from.problem ? (
      <ProblemBox problem={from.problem} retry={from.reload} />
    ) : (
      <div aria-busy="true">
        <div class="skeleton bar" />
        <div class="skeleton bar" />
        <div class="skeleton bar" />
      </div>
    );
  return (
    <>
      {from.problem && <ProblemBox problem={from.problem} retry={from.reload} />}
      {children(from.value)}
    </>
  );
}
