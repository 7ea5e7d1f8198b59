// deliver/deliver: masters, what was made of each for whom, how far it is and what the outlet says; what each could still become.
import sheet from "../style/views.css?url";
import type { Delivery, Version } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { post } from "../app/api";
import { subscribe } from "../app/events";
import { active } from "../app/jobs";
import { go, route, to } from "../app/router";
import { may } from "../app/session";
import { job_act, job_words } from "../parts/activity";
import { Button, CopyButton } from "../parts/button";
import { open_dialog } from "../parts/dialog";
import { plural, size_text } from "../parts/format";
import { Icon } from "../parts/icons";
import { Loaded, use_load } from "../parts/load";
import { Empty, ProblemBox } from "../parts/problem";
import { Progress } from "../parts/progress";
import { Ago } from "../parts/time";
import { Files } from "./files";
import { Outlets } from "./outlets";
import { History, SayDialog, SendDialog, SendingRow, standings } from "./send";
import { WatchRules } from "./watch";

export { sheet };
export { Receipt, Pickup } from "./receipt";

export function Deliver() {
  const project = route.value.project ?? "";
  const list = use_load<Delivery[]>(`/projects/${project}/deliveries`);
  useEffect(() => subscribe({ project, kinds: ["delivery.changed"], hear: list.reload, caught_up: list.reload }), [project]);
  return (
    <main>
      {list.value?.length === 0 ? (
        <>
          <Empty title="Nothing has been delivered yet">
            <p>Choose an asset in the library and press Deliver (Ctrl-D): pick a profile, and the master is made, probed and checked against what was asked.</p>
            <Button look="primary" run={() => go(to.library(project))}>Go to the library</Button>
          </Empty>
          <div class="page-view"><WatchRules project={project} /></div>
        </>
      ) : (
        <div class="page-view">
          <header><h1>Deliver</h1>{list.value && <span class="quiet">{plural(list.value.length, "delivery", "deliveries")}</span>}</header>
          <Loaded from={list}>{(all) => masters(all).map((m) => <Master key={m[0]?.version} project={project} list={m} />)}</Loaded>
          <WatchRules project={project} />
        </div>
      )}
    </main>
  );
}

// By the version they were made of; the one with the newest delivery first.
function masters(all: readonly Delivery[]): Delivery[][] {
  const by = new Map<string, Delivery[]>();
  for (const d of all) by.set(d.version, [...(by.get(d.version) ?? []), d]);
  return [...by.values()];
}

function Master({ project, list }: { project: string; list: Delivery[] }) {
  const first = list[0];
  const [outlets, show] = useState(false);
  const master = use_load<{ name: string }>(`/assets/${first?.asset ?? ""}`);
  const version = use_load<Version>(`/versions/${first?.version ?? ""}`);
  if (!first) return null;
  const name = master.value?.name ?? first.name;
  return (
    <section class="master" aria-label={name}>
      <header class="line">
        <h2><a href={to.review(project, first.asset)}>{name}</a></h2>
        {version.value && <span class="quiet">version {version.value.number}</span>}
        <Button run={() => show(!outlets)}>{outlets ? "Hide its outlets" : "Its outlets"}</Button>
      </header>
      {outlets && <Outlets project={project} asset={first.asset} version={first.version} name={name} />}
      {list.map((d) => <Row key={d.id} d={d} />)}
    </section>
  );
}

function Row({ d }: { d: Delivery }) {
  const job = active.value.get(d.job);
  const sending = d.sendings.map((s) => (s.job ? active.value.get(s.job) : undefined)).find((j) => j !== undefined);
  const bad = d.checks.filter((c) => !c.ok).length;
  const standing = standings[d.standing];
  return (
    <details class="delivery" open={d.state === "failed" || (d.state === "done" && d.standing !== "accepted")}>
      <summary>
        <span class="name cut" title={d.name}>{d.name}</span>
        <code class="quiet">{d.profile}</code>
        <span class={{ waiting: "quiet", running: "busy", done: bad ? "bad" : "good", failed: "bad" }[d.state]}>
          {d.state === "done" ? (bad ? `${plural(bad, "check")} failed` : d.checks.length ? `all ${d.checks.length} checks passed` : "done") : d.state}
        </span>
        {standing.word && <span class={standing.look}>{standing.word}</span>}
        <span class="mono quiet">{job ? job_words(job) : sending ? `sending: ${job_words(sending)}` : d.size ? size_text(d.size) : ""}</span>
        <span class="quiet"><Ago at={d.created} /> · {d.by}</span>
      </summary>
      <div class="inside">
        {job && (d.state === "running" || d.state === "waiting") && <Progress part={job.progress} name={d.name} />}
        {d.problem && <ProblemBox problem={d.problem} retry={may("deliver") ? () => void (job ? job_act(job, "retry") : post(`/jobs/${d.job}/retry`)) : undefined} />}
        {d.standing === "kept" && <div class="problem" role="alert"><Icon name="alert" /><div class="what">It was to be sent and could not</div><div class="why">{d.said}</div></div>}
        {d.sendings.map((s) => <SendingRow key={s.id} s={s} />)}
        <History d={d} />
        {d.checks.length > 0 && (
          <details class="checks" open={bad > 0}>
            <summary>{bad ? `${plural(bad, "check")} of ${d.checks.length} failed` : `All ${d.checks.length} checks`}</summary>
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
          </details>
        )}
        <Files d={d} />
        {d.content && <div class="with-copy"><span class="quiet">Content</span> <code class="cut">{d.content}</code><CopyButton text={d.content} name="Copy the content id" /></div>}
        <div class="acts">
          {d.state === "done" && may("deliver") && <Button look="primary" run={() => void open_dialog((close) => <SendDialog d={d} close={close} />)}>Send…</Button>}
          {d.standing !== "" && d.standing !== "kept" && may("deliver") && <Button run={() => void open_dialog((close) => <SayDialog d={d} close={close} />)}>The outlet says…</Button>}
          {d.content && may("download") && (
            <a class="button" href={`/api/v1/deliveries/${d.id}/bytes`} download={d.name}><Icon name="download" /> Download</a>
          )}
          {d.state === "done" && <Button name="Master and deliverable, frame by frame" run={() => go(to.compare(d.project, `v-${d.version}`, `d-${d.id}`))}>Compare with the master</Button>}
          <Button run={() => go(to.review(d.project, d.asset))}>Open the asset</Button>
        </div>
      </div>
    </details>
  );
}
