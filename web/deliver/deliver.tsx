// deliver/deliver: what was made for somebody: its state, what was asked and what was seen, and the file.
import sheet from "../style/views.css?url";
import type { Delivery } from "api-types";
import { useEffect } from "preact/hooks";
import { subscribe } from "../app/events";
import { active } from "../app/jobs";
import { go, route, to } from "../app/router";
import { may } from "../app/session";
import { job_act, job_words } from "../parts/activity";
import { Button, CopyButton } from "../parts/button";
import { plural, size_text } from "../parts/format";
import { Icon } from "../parts/icons";
import { Loaded, use_load } from "../parts/load";
import { Empty, ProblemBox } from "../parts/problem";
import { Progress } from "../parts/progress";
import { Ago } from "../parts/time";

export { sheet };

export function Deliver() {
  const project = route.value.project ?? "";
  const list = use_load<Delivery[]>(`/projects/${project}/deliveries`);
  useEffect(() => subscribe({ project, kinds: ["delivery.changed"], hear: list.reload, caught_up: list.reload }), [project]);
  return (
    <main>
      {list.value?.length === 0 ? (
        <Empty title="Nothing has been delivered yet">
          <p>Choose an asset in the library and press Deliver (Ctrl-D): pick a profile, and the master is made, probed and checked against what was asked.</p>
          <Button look="primary" run={() => go(to.library(project))}>Go to the library</Button>
        </Empty>
      ) : (
        <div class="page-view">
          <header><h1>Deliver</h1>{list.value && <span class="quiet">{plural(list.value.length, "delivery", "deliveries")}</span>}</header>
          <Loaded from={list}>{(all) => all.map((d) => <Row key={d.id} d={d} />)}</Loaded>
        </div>
      )}
    </main>
  );
}

function Row({ d }: { d: Delivery }) {
  const job = active.value.get(d.job);
  const bad = d.checks.filter((c) => !c.ok).length;
  return (
    <details class="delivery" open={d.state === "failed" || d.state === "done"}>
      <summary>
        <span class={`name cut`} title={d.name}>{d.name}</span>
        <code class="quiet">{d.profile}</code>
        <span class={{ waiting: "quiet", running: "busy", done: bad ? "bad" : "good", failed: "bad" }[d.state]}>
          {d.state === "done" ? (bad ? `${plural(bad, "check")} failed` : d.checks.length ? `all ${d.checks.length} checks passed` : "done") : d.state}
        </span>
        <span class="mono quiet">{d.size ? size_text(d.size) : job ? job_words(job) : ""}</span>
        <span class="quiet"><Ago at={d.created} /> · {d.by}</span>
      </summary>
      <div class="inside">
        {job && (d.state === "running" || d.state === "waiting") && <Progress part={job.progress} name={d.name} />}
        {d.problem && <ProblemBox problem={d.problem} retry={job ? () => void job_act(job, "retry") : undefined} />}
        {d.checks.length > 0 && (
          <div class="scroll-x" tabIndex={0} role="region" aria-label={`Checks of ${d.name}`}>
            <table class="table">
              <thead><tr><th>Check</th><th>Wanted</th><th>Seen</th><th>Answer</th></tr></thead>
              <tbody>
                {d.checks.map((c) => (
                  <tr key={c.what}>
                    <td>{c.what}</td><td class="mono">{c.wanted}</td><td class="mono">{c.seen}</td>
                    <td class={c.ok ? "good" : "bad"}>{c.ok ? "passed" : "failed"}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
        {d.content && <div class="with-copy"><span class="quiet">Content</span> <code class="cut">{d.content}</code><CopyButton text={d.content} name="Copy the content id" /></div>}
        <div class="acts">
        {d.state === "done" && may("download") && (
          <a class="button" href={`/api/v1/deliveries/${d.id}/bytes`} download={d.name}><Icon name="download" /> Download</a>
        )}
          <Button run={() => go(to.review(d.project, d.asset))}>Open the asset</Button>
        </div>
      </div>
    </details>
  );
}
