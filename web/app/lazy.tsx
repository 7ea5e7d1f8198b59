/*
 * app/lazy: a view that is loaded when it is first opened. The module may export `sheet`, the address of
 * its style sheet (import sheet from "./x.css?url"), which is waited for.
 */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { load_sheet } from "../parts/sheet";
import { problem, problem_of } from "./api";
import { ProblemBox } from "../parts/problem";
import type { Problem } from "api-types";

export function lazy<M extends object, P>(load: () => Promise<M>, draw: (module: M, props: P) => ComponentChildren): (props: P) => ComponentChildren {
  const module = signal<M | null>(null);
  const failed = signal<Problem | null>(null);
  let asked = false;
  const begin = async () => {
    asked = true;
    failed.value = null;
    try {
      const found = await load();
      if ("sheet" in found && typeof found.sheet === "string") await load_sheet(found.sheet);
      module.value = found;
    } catch (e) {
      asked = false;
      failed.value =
        e instanceof TypeError ? problem("offline", "This part of the page could not be loaded", e.message, "try again when the house answers; load the page again if it was brought up to date meanwhile") : problem_of(e);
    }
  };
  return (props) => {
    if (module.value) return draw(module.value, props);
    if (failed.value)
      return (
        <div class="empty">
          <ProblemBox problem={failed.value} retry={() => void begin()} />
        </div>
      );
    if (!asked) void begin();
    return <div class="empty" aria-busy="true" />;
  };
}
