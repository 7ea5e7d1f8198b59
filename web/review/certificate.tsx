// A listed device's certificate for flashing pictures: a person attaches its file and says which device gave it.
import type { Problem, QcReport } from "api-types";
import { useState } from "preact/hooks";
import { base, del, post, problem_of, with_query } from "../app/api";
import { may } from "../app/session";
import { Button } from "../parts/button";
import { Dialog, open_dialog } from "../parts/dialog";
import { Field } from "../parts/field";
import { ProblemBox } from "../parts/problem";
import { tell_problem } from "../parts/toast";

export function Certificate({ report, taken }: { report: QcReport; taken: (r: QcReport) => void }) {
  const c = report.certificate;
  if (report.state !== "done" || !report.pse) return null;
  if (!c)
    return (
      <p class="quiet">
        Flashing pictures: a pre-check.{report.certificate_needed ? " The outlet wants a listed device’s pass." : ""}{" "}
        {may("deliver") && <Button look="plain" run={() => open_dialog((close) => <Attach report={report.id} taken={taken} close={close} />)}>Attach a device’s certificate</Button>}
      </p>
    );
  const off = (): void => void del<QcReport>(`/qc/${report.id}/certificate`).then(taken, (e: unknown) => tell_problem(problem_of(e)));
  return (
    <p>
      Flashing pictures: <a href={`${base}/qc/${report.id}/certificate`} download="">certificate {c.number}</a> of {c.device}, {c.date}, attached by {c.by}.{" "}
      {may("deliver") && !report.approved_by && <Button look="plain" run={off}>Take it off</Button>}
    </p>
  );
}

function Attach({ report, taken, close }: { report: string; taken: (r: QcReport) => void; close: () => void }) {
  const [file, set_file] = useState<File | null>(null);
  const [device, set_device] = useState("");
  const [number, set_number] = useState("");
  const [date, set_date] = useState("");
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  const send = async (): Promise<void> => {
    if (!file) return;
    set_busy(true);
    set_wrong(null);
    try {
      taken(await post<QcReport>(with_query(`/qc/${report}/certificate`, { name: file.name, device: device.trim(), number: number.trim(), date }), await file.arrayBuffer()));
      close();
    } catch (e) {
      set_wrong(problem_of(e));
      set_busy(false);
    }
  };
  const ready = file && device.trim() && number.trim() && date;
  return (
    <Dialog title="Certificate for flashing pictures" close={close} submit={() => void send()} footer={<Button submit look="primary" busy={busy} disabled={!ready}>Attach in my name</Button>}>
      <div class="field">
        <label for="certificate-file">Its file</label>
        <input id="certificate-file" type="file" class="input" onChange={(e) => set_file(e.currentTarget.files?.[0] ?? null)} />
        <div class="hint">It goes into the package and is named in the report.</div>
      </div>
      <Field label="Device that has passed it" value={device} set={set_device} placeholder="as on the outlet’s list, with its version" maxlength={200} />
      <Field label="Number of the certificate" value={number} set={set_number} maxlength={100} />
      <Field label="Its date" type="date" value={date} set={set_date} />
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}
