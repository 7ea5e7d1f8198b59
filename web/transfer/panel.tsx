// transfer/panel: what is being sent: speed, time left, each file with pause, resume, cancel and what went wrong.
import { useState } from "preact/hooks";
import { Button } from "../parts/button";
import { ask } from "../parts/dialog";
import { count_text, left_text, plural, rate_text, size_text } from "../parts/format";
import { Icon } from "../parts/icons";
import { ProblemBox } from "../parts/problem";
import { Progress } from "../parts/progress";
import { VirtualRows } from "../parts/virtual";
import { all_paused, panel_open, reading, sent_bytes, speed, total_bytes, upload_list, uploads_part, uploads_under_way, type Upload } from "./state";
import { cancel, cancel_all, clear_done, forget_left, left_over, pause, pause_all, resume, resume_all, sent_of } from "./upload";

function Row({ u }: { u: Upload }) {
  void sent_bytes.value; // drawn anew as bytes go
  const words = { queued: "waiting", sending: `${size_text(sent_of(u))} of ${size_text(u.file.size)}`, paused: "paused", done: size_text(u.file.size), failed: "did not arrive" }[u.state];
  return (
    <div class="upload-row">
      <Icon name={({ queued: "clock", sending: "upload", paused: "pause", done: "check", failed: "alert" } as const)[u.state]} size={14} />
      <span class="cut" title={u.path}>{u.path}</span>
      <span class={`mono ${u.state === "failed" ? "bad" : "quiet"}`}>{words}</span>
      {u.state === "sending" && <Button icon="pause" name={`Pause ${u.path}`} look="plain" run={() => pause(u.id)} />}
      {(u.state === "paused" || u.state === "failed") && <Button icon={u.state === "failed" ? "retry" : "play"} name={`Go on with ${u.path}`} look="plain" run={() => resume(u.id)} />}
      {u.state !== "done" && <Button icon="close" name={`Cancel ${u.path}`} look="plain" run={() => cancel(u.id)} />}
      {u.state === "sending" && <Progress part={u.file.size ? sent_of(u) / u.file.size : null} name={u.path} />}
    </div>
  );
}

export function UploadPanel({ project }: { project: string }) {
  const [forgotten, forget] = useState(0);
  void forgotten;
  const list = upload_list.value;
  const left = left_over(project);
  if (reading.value) return <div class="uploads" role="status">Reading folders: {plural(reading.value, "file")} so far</div>;
  if (!list.length && left.length)
    return (
      <div class="uploads leftover" role="status">
        <Icon name="upload" />
        <span class="cut" title={left.slice(0, 30).join("\n")}>
          {plural(left.length, "file")} had not arrived when the page was closed ({left[0]}{left.length > 1 ? ", …" : ""}). Drop the same files again to go on.
        </span>
        <Button run={() => { forget_left(project); forget((n) => n + 1); }}>Forget them</Button>
      </div>
    );
  if (!panel_open.value || !list.length) return null;
  const way = uploads_under_way.value;
  const failed = list.filter((u) => u.state === "failed");
  const rest = total_bytes.value - sent_bytes.value;
  const order = [...list].sort((a, b) => rank[a.state] - rank[b.state] || a.id - b.id);
  return (
    <section class="uploads" aria-label="Uploads">
      <header>
        <b>{way ? `Sending ${plural(way, "file")}` : failed.length ? `${plural(failed.length, "file")} did not arrive` : `${plural(list.length, "file")} arrived`}</b>
        <span class="mono quiet" aria-live="off">
          {size_text(sent_bytes.value)} of {size_text(total_bytes.value)}
          {way > 0 && speed.value > 0 && ` · ${rate_text(speed.value)} · ${left_text(rest / speed.value)} left`}
        </span>
        <span class="acts">
          {way > 0 && (all_paused.value ? <Button icon="play" run={resume_all}>Go on</Button> : <Button icon="pause" run={pause_all}>Pause all</Button>)}
          {!way && failed.length > 0 && <Button icon="retry" run={resume_all}>Try them again</Button>}
          {way > 0 && (
            <Button run={() => void ask({ title: "Cancel the uploads?", text: `${count_text(way)} files have not arrived; what was sent of them is thrown away.`, yes: "Cancel the uploads", danger: true }).then((yes) => yes && cancel_all())}>Cancel all</Button>
          )}
          {!way && <Button icon="close" name="Close" look="plain" run={clear_done} />}
        </span>
      </header>
      <Progress part={uploads_part.value} name="All uploads" look={failed.length ? "bad" : way ? undefined : "good"} />
      {failed[0]?.problem && <ProblemBox problem={failed[0].problem} />}
      <div class="upload-list">
        <VirtualRows count={order.length} row_height={32} draw={(i) => { const u = order[i]; return u ? <Row u={u} /> : null; }} attributes={{ tabIndex: 0, "aria-label": "Files" }} />
      </div>
    </section>
  );
}
const rank = { sending: 0, failed: 1, paused: 2, queued: 3, done: 4 };
