// review/status: what people decided about a version, and deciding it: in review, changes asked, approved.
import type { Problem, Version, VersionStatus } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { get, post, problem_of } from "../app/api";
import { may } from "../app/session";
import { Button, Segments } from "../parts/button";
import { Dialog, open_dialog } from "../parts/dialog";
import { ProblemBox } from "../parts/problem";
import { status_word } from "../parts/status";
import { Ago } from "../parts/time";

type Status = Version["status"];

export function StatusButton({ version }: { version: Version }) {
  if (version.status === "none" && !may("comment")) return null;
  return (
    <Button class={`status ${version.status}`} name={`Status: ${status_word[version.status]}`} run={() => void open_dialog((close) => <StatusDialog version={version} close={close} />)}>
      {version.status === "none" ? "Status" : status_word[version.status]}
    </Button>
  );
}

function StatusDialog({ version, close }: { version: Version; close: () => void }) {
  const [status, set_status] = useState<Status>(version.status === "none" ? "approved" : version.status);
  const [note, set_note] = useState("");
  const [history, set_history] = useState<VersionStatus[] | null>(null);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  useEffect(() => {
    get<VersionStatus[]>(`/versions/${version.id}/statuses`).then(set_history, (e: unknown) => set_wrong(problem_of(e)));
  }, []);
  const decide = () => {
    set_wrong(null);
    post<VersionStatus>(`/versions/${version.id}/statuses`, { status, note: note.trim() }).then(close, (e: unknown) => set_wrong(problem_of(e)));
  };
  return (
    <Dialog title={`Status of version ${version.number}`} close={close} submit={decide} footer={may("comment") && <Button submit look="primary" disabled={status === version.status && !note.trim()}>Set the status</Button>}>
      {may("comment") && (
        <>
          <Segments<Status> name="Status" value={status} pick={set_status} options={(["approved", "changes", "review", "none"] as const).map((value) => ({ value, label: status_word[value] }))} />
          <label class="field"><span class="label">Note</span><textarea class="input" rows={3} maxLength={2000} value={note} onInput={(e) => set_note(e.currentTarget.value)} /></label>
        </>
      )}
      {wrong && <ProblemBox problem={wrong} />}
      <h3>History</h3>
      {history === null ? <p class="quiet">Loading</p> : history.length === 0 ? <p class="quiet">Nobody has decided anything yet.</p> : (
        <ul class="history">
          {history.map((h) => <li key={h.number}><b>{status_word[h.status]}</b> <span class="quiet">{h.by}, <Ago at={h.at} /></span>{h.note && <div class="note-text">{h.note}</div>}</li>)}
        </ul>
      )}
    </Dialog>
  );
}
