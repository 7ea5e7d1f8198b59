// farm/limits: licences and other things of which there are only so many, and who holds how much of the farm.
import { useEffect, useState } from "preact/hooks";
import { problem_of, put } from "../app/api";
import { subscribe } from "../app/events";
import { is_admin } from "../app/session";
import { Button } from "../parts/button";
import { Dialog, open_dialog } from "../parts/dialog";
import { Choice, Field, Tick } from "../parts/field";
import { count_text } from "../parts/format";
import { Loaded, use_load } from "../parts/load";
import { Empty } from "../parts/problem";
import { tell_problem } from "../parts/toast";
import { Tabs } from "./look";
import type { FarmSums, Limit, Share } from "./model";

export function LimitsView() {
  const limits = use_load<Limit[]>("/limits");
  const farm = use_load<FarmSums>("/farm");
  useEffect(() => {
    let due = 0;
    const soon = () => {
      if (!due) due = window.setTimeout(() => { due = 0; limits.reload(); farm.reload(); }, 3000);
    };
    const end = subscribe({ kinds: ["job.changed", "limit."], hear: soon, caught_up: soon });
    return () => {
      window.clearTimeout(due);
      end();
    };
  }, []);
  const edit = (limit: Limit | null) => open_dialog((close) => <LimitDialog limit={limit} done={() => { close(); limits.reload(); }} close={close} />);
  const shares = farm.value?.shares ?? [];
  return (
    <main class="farm">
      <div class="bar">
        <Tabs at="limits" />
        <span class="gap" />
        {is_admin.value && <Button icon="plus" run={() => edit(null)}>New limit</Button>}
      </div>
      <div class="page-view">
        <Loaded from={limits}>
          {(list) => list.length === 0 ? (
            <Empty title="Nothing is limited">
              <p>Where there are only so many licences of a program, say how many: the farm then never starts more tasks than that, and asks a licence server what others hold.</p>
              <p>A job then says in its options what each task holds: <code>{'"limits": {"arnold": 1}'}</code></p>
            </Empty>
          ) : (
            <div class="scroll-x" tabIndex={0} role="region" aria-label="Limits">
              <table class="table limits">
                <thead><tr><th>Limit</th><th>Counted</th><th class="use">In use</th><th class="right">Ours</th><th class="right">Outside</th><th class="right">Total</th><th class="right">Learned</th><th class="right">Free</th><th /></tr></thead>
                <tbody>{list.map((l) => <LimitRow key={l.name} limit={l} edit={() => edit(l)} />)}</tbody>
              </table>
            </div>
          )}
        </Loaded>
        {shares.length > 0 && (
          <section>
            <h2>Who holds how much</h2>
            <div class="scroll-x" tabIndex={0} role="region" aria-label="Shares">
              <table class="table limits">
                <thead><tr><th>Project</th><th class="use">Holds, against its share</th><th class="right">Running</th><th class="right">Holds</th><th class="right">Share</th><th class="right">Waiting</th></tr></thead>
                <tbody>{shares.map((s) => <ShareRow key={s.project} share={s} all={shares} />)}</tbody>
              </table>
            </div>
          </section>
        )}
      </div>
    </main>
  );
}

function LimitRow({ limit: l, edit }: { limit: Limit; edit: () => void }) {
  const most = Math.max(l.total, l.used + l.outside, 1);
  const full = l.free <= 0;
  return (
    <tr>
      <td class="strong">{l.name}</td>
      <td class="quiet">{l.scope === "host" ? "once a machine" : "once a task"}</td>
      <td class="use">
        <span class="stack" role="img" aria-label={`${l.used} ours, ${l.outside} outside, of ${l.total}`}>
          {l.used > 0 && <i class="s-running" style={{ flexGrow: l.used / most }} />}
          {l.outside > 0 && <i class="s-cancelled" style={{ flexGrow: l.outside / most }} />}
          {most > l.used + l.outside && <i class="s-waiting" style={{ flexGrow: (most - l.used - l.outside) / most }} />}
        </span>
      </td>
      <td class={`mono right${full ? " busy" : ""}`}>{l.used}{full ? " full" : ""}</td>
      <td class="mono right">{l.outside || ""}</td>
      <td class="mono right">{l.total}</td>
      <td class="mono right" title="More than this were refused lately">{l.learned > 0 ? l.learned : ""}</td>
      <td class="mono right">{Math.max(0, l.free)}</td>
      <td class="right">{is_admin.value && <Button icon="pencil" look="plain" name={`Change ${l.name}`} run={edit} />}</td>
    </tr>
  );
}

function ShareRow({ share: s, all }: { share: Share; all: readonly Share[] }) {
  const running = all.reduce((n, x) => n + x.running, 0);
  const weight = all.reduce((n, x) => n + x.weight, 0);
  const holds = running ? s.running / running : 0;
  const due = weight ? s.weight / weight : 0;
  const percent = (part: number) => `${Math.round(part * 100)} %`;
  return (
    <tr>
      <td class="cut project" title={s.name}>{s.name}</td>
      <td class="use"><span class="stack due" role="img" aria-label={`holds ${percent(holds)}, its share is ${percent(due)}`}><i class="s-running" style={{ flexGrow: Math.max(holds, 0.005) }} /><i class="s-waiting" style={{ flexGrow: 1 - holds }} /><b style={{ left: `${due * 100}%` }} /></span></td>
      <td class="mono right">{count_text(s.running)}</td>
      <td class="mono right">{percent(holds)}</td>
      <td class="mono right">{percent(due)}</td>
      <td class="mono right">{count_text(s.waiting)}</td>
    </tr>
  );
}

function LimitDialog({ limit, done, close }: { limit: Limit | null; done: () => void; close: () => void }) {
  const [name, set_name] = useState(limit?.name ?? "");
  const [total, set_total] = useState(String(limit?.total ?? ""));
  const [outside, set_outside] = useState(String(limit?.outside ?? 0));
  const [yields, set_yields] = useState(limit?.yields ?? false);
  const [scope, set_scope] = useState<Limit["scope"]>(limit?.scope ?? "task");
  const whole = (text: string) => (/^\d{1,7}$/.test(text) ? Number(text) : null);
  const number = whole(total);
  const outside_number = whole(outside);
  const save = () => {
    if (number === null || outside_number === null || !name.trim()) return;
    put<Limit[]>("/limits", { name: name.trim(), scope, total: number, outside: outside_number, yields }).then(done, (e: unknown) => tell_problem(problem_of(e)));
  };
  return (
    <Dialog title={limit ? `Limit ${limit.name}` : "A new limit"} close={close} submit={save} footer={<><Button run={close}>Cancel</Button><Button look="primary" submit disabled={number === null || outside_number === null || !name.trim()}>Save</Button></>}>
      {!limit && <Field label="Name" value={name} set={set_name} focus hint="as jobs ask for it: arnold, nuke" />}
      <Field label="How many there are" type="number" min="0" value={total} set={set_total} focus={!!limit} wrong={total && number === null ? "a whole number, such as 20" : null} />
      <Field label="Of those, held outside of the farm" type="number" min="0" value={outside} set={set_outside} wrong={outside_number === null ? "a whole number, such as 0" : null} hint="by artists at their desks, say" />
      <Tick label="Frames of the farm give way when others take one" on={yields} set={set_yields} />
      <Choice label="Counted" value={scope} set={set_scope} options={[{ value: "task", label: "once a task" }, { value: "host", label: "once a machine, however many tasks it runs" }]} />
    </Dialog>
  );
}
