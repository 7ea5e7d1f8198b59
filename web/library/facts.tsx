/*
 * library/facts: everything known about the chosen asset, in groups, ready to copy.
 */
import type { Asset, AssetCame, Came, Field as FieldRow, Version } from "api-types";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, post, problem_of } from "../app/api";
import { by_asset } from "../app/jobs";
import { lazy } from "../app/lazy";
import { to } from "../app/router";
import { may } from "../app/session";
import { wrong_hash } from "../growing/closed";
import { job_words } from "../parts/activity";
import { Button, CopyButton } from "../parts/button";
import { count_text, exact_text, plural, rate_name, size_text } from "../parts/format";
import { FieldGroup } from "./dialogs";
import { Icon } from "../parts/icons";
import { Panel } from "../parts/panel";
import { ProblemBox } from "../parts/problem";
import { Progress } from "../parts/progress";
import { tell, tell_problem } from "../parts/toast";
import { TranscodeActs, camera_rows } from "./original";
import { InPlace } from "./in_place";
import { MissingList, lacks_of } from "./lacks";
import { RecordGroup } from "./record";
import { Picture, can_deliver, length_of, state_words } from "./tile";

const MasterGroup = lazy(() => import("./master"), (m, p: { asset: Asset }) => <m.MasterGroup key={p.asset.id} {...p} />);

type Row = [string, ComponentChildren] | null | false | undefined | "" | 0;

function Group({ title, rows }: { title: string; rows: Row[] }) {
  const shown = rows.filter((r): r is [string, ComponentChildren] => Array.isArray(r) && r[1] !== null && r[1] !== undefined && r[1] !== "");
  if (!shown.length) return null;
  return (
    <section>
      <h3>{title}</h3>
      <dl>
        {shown.map(([name, value], i) => (
          <div key={`${name}${i}`}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

// All versions of an asset that has several, newest first.
function Versions({ asset }: { asset: Asset }) {
  const [list, set_list] = useState<Version[]>([]);
  useEffect(() => {
    let gone = false;
    get<Version[]>(`/assets/${asset.id}/versions`).then((all) => { if (!gone) set_list(all); }, () => undefined);
    return () => { gone = true; };
  }, [asset.id, asset.version.id, asset.version.state]);
  return (
    <Group
      title="Versions"
      rows={list.map((v, i): Row => [`v${v.number}`, <><a href={to.review(asset.project, asset.id, { v: i ? v.number : null })}>{exact_text(v.created)}</a>, by {v.by}{v.state === "ready" ? "" : <span class={v.state === "failed" ? "bad" : "busy"}> {v.state}</span>}</>])}
    />
  );
}

// By which request it came, and what was answered then.
function CameBy({ asset }: { asset: Asset }) {
  const [came, set] = useState<Came | null>(null);
  useEffect(() => {
    let gone = false;
    set(null);
    get<AssetCame>(`/assets/${asset.id}/came`).then((c) => { if (!gone) set(c.came ?? null); }, () => undefined);
    return () => { gone = true; };
  }, [asset.id]);
  return came ? <Group title="Came by a link" rows={[["Link", came.title], ["From", came.by || "somebody"], ...Object.entries(came.answers as Record<string, string>).map(([name, answer]): Row => [name, answer])]} /> : null;
}

export function FactGroups({ asset }: { asset: Asset }) {
  const v = asset.version;
  const f = v.facts;
  const tc = f?.timecode;
  return (
    <>
      <Group
        title="File"
        rows={[
          ["Name", asset.name],
          ["Size", `${size_text(v.size)} (${count_text(v.size)} bytes)`],
          v.file_count > 1 && ["Files", count_text(v.file_count)],
          lacks_of(asset).length > 0 && ["Not there", <MissingList missing={lacks_of(asset)} />],
          v.hashes && ["Hash", v.hashes.right ? `as ${v.hashes.list} says (${v.hashes.kind})` : <span class="bad">{wrong_hash(v.hashes)}</span>],
          f && ["Container", f.container],
          ["Version", `${v.number} of ${asset.versions}`],
          ["Brought in", `${exact_text(v.created)}, by ${v.by}`],
          ["Content", <span class="with-copy"><code class="cut" title={v.content}>{v.content}</code><CopyButton text={v.content} name="Copy the content id" /></span>],
        ]}
      />
      {asset.versions > 1 && <Versions asset={asset} />}
      {may("upload") && <CameBy asset={asset} />}
      {f?.camera && <Group title="Camera" rows={[...camera_rows(v), !f.camera.picture && ["State", "no picture without the maker's SDK"], !f.camera.picture && ["SDK", f.camera.sdk]]} />}
      {f && (
        <Group
          title="Time"
          rows={[
            ["Duration", length_of(asset) && <code>{length_of(asset)}</code>],
            ["Frames", asset.kind === "sound" ? null : count_text(f.duration_frames)],
            asset.kind !== "still" && asset.kind !== "sound" && ["Rate", `${rate_name(f.rate)} (${f.rate})${f.vfr ? ", variable" : ""}`],
            f.rate_from && ["Rate from", f.rate_from],
            tc && ["Timecode", <span class="with-copy"><code>{tc.start}</code><CopyButton text={tc.start} name="Copy the start timecode" /></span>],
            tc && ["Counting", `base ${tc.base}${tc.drop ? ", drop-frame" : ""}${tc.frames_per_label > 1 ? `, ${tc.frames_per_label} frames a label` : ""}`],
            tc && ["Timecode from", tc.from],
          ]}
        />
      )}
      {f?.video.map((s) => (
        <>
          <Group
            title={`Picture${f.video.length > 1 ? ` ${s.index}` : ""}`}
            rows={[
              ["Codec", [s.codec, s.profile].filter(Boolean).join(" ")],
              ["Size", `${s.width} × ${s.height}`],
              (s.display_width !== s.width || s.display_height !== s.height) && ["Shown as", `${s.display_width} × ${s.display_height}`],
              s.pixel_aspect !== "1:1" && s.pixel_aspect !== "1/1" && ["Pixel aspect", s.pixel_aspect],
              s.rotation !== 0 && ["Rotation", `${s.rotation}°`],
              ["Fields", s.field_order],
              s.cadence && ["Cadence", `${s.cadence.found} (in ${s.cadence.looked} frames of it)`],
              ["Samples", `${s.bits} bit ${s.chroma} (${s.pixel_format})`],
              s.bit_rate && ["Bit rate", `${(s.bit_rate / 1e6).toFixed(1)} Mb/s`],
              ["Language", s.language],
            ]}
          />
          <Group title="Colour" rows={[["Primaries", s.primaries], ["Transfer", s.transfer], ["Matrix", s.matrix], ["Range", s.range]]} />
          {s.hdr && f.video[0] !== s && <Group title="HDR" rows={[["MaxCLL", s.hdr.max_cll && `${s.hdr.max_cll} nits`], ["MaxFALL", s.hdr.max_fall && `${s.hdr.max_fall} nits`], ["Mastering", s.hdr.mastering && <code>{s.hdr.mastering}</code>], ["Dolby Vision", s.hdr.dolby_vision ? "yes" : "no"]]} />}
        </>
      ))}
      {f?.audio.map((s) => (
        <Group
          key={s.index}
          title={`Sound${f.audio.length > 1 ? ` ${s.index}` : ""}`}
          rows={[["Codec", s.codec], ["Rate", `${count_text(s.sample_rate)} Hz${s.bits ? `, ${s.bits} bit` : ""}`], ["Channels", `${s.channels} (${s.layout})`], ["Language", s.language], ["Title", s.title], ["Samples", count_text(s.duration_samples)]]}
        />
      ))}
      {f && f.captions.length > 0 && <Group title="Captions" rows={[...f.captions.map((c): Row => [c.kind, [c.language, c.channels].filter(Boolean).join(", ") || "present"]), ["", <span class="quiet">They are in the file; to see them in the player, take them out (posthouse caption extract) and bring them as captions.</span>]]} />}
      {f?.sequence && (
        <Group
          title="Sequence"
          rows={[["Pattern", <code>{f.sequence.pattern}</code>], ["Files", `${f.sequence.first}–${f.sequence.last} (${count_text(f.sequence.count)})`], f.sequence.missing.length > 0 && ["Missing", <span class="bad">{f.sequence.missing.slice(0, 20).join(", ")}{f.sequence.missing.length > 20 ? " …" : ""}</span>]]}
        />
      )}
      {f && f.damage.length > 0 && <Group title="Damage" rows={f.damage.map((d): Row => [d.where, <span class="bad">{d.what}{d.frame !== null && d.frame !== undefined ? ` (frame ${d.frame})` : ""}</span>])} />}
    </>
  );
}

export function FactsPanel({ chosen, fields, changed, deliver, share, open }: { chosen: readonly Asset[]; fields: readonly FieldRow[]; changed: () => void; deliver: () => void; share: () => void; open: (a: Asset) => void }) {
  const asset = chosen.length === 1 ? chosen[0] : undefined;
  const job = asset && by_asset.value.get(asset.id);
  const retry = () => {
    const id = asset?.version.job;
    if (id) post(`/jobs/${id}/retry`).then(() => tell("It is tried again"), (e: unknown) => tell_problem(problem_of(e)));
  };
  return (
    <Panel side="right" name="Facts" width={320} min={240}>
      <div class="facts" tabIndex={0}>
        {!asset && chosen.length === 0 && <p class="quiet">Choose something to see its facts. <br />Arrows move, Space previews, Enter opens.</p>}
        {!asset && chosen.length > 1 && (
          <>
            <h2>{plural(chosen.length, "asset")} chosen</h2>
            <p class="quiet mono">{size_text(chosen.reduce((s, a) => s + a.version.size, 0))}</p>
            {may("share") && <Button icon="link" run={share}>Share them</Button>}
          </>
        )}
        {asset && (
          <>
            <Picture asset={asset} />
            <div class="acts">
              <Button icon="play" look="primary" run={() => open(asset)}>Open</Button>
              {may("share") && <Button icon="link" run={share}>Share</Button>}
              {may("deliver") && can_deliver(asset) && <Button icon="deliver" run={deliver}>Deliver</Button>}
              {may("download") && asset.version.file_count === 1 && (
                <a class="button icon" href={`/api/v1/versions/${asset.version.id}/files/1/bytes`} download={asset.name} title="Download the original" aria-label="Download the original">
                  <Icon name="download" />
                </a>
              )}
            </div>
            {asset.version.state !== "ready" && asset.version.state !== "failed" && (
              <div>
                <span class="busy">{state_words(asset, job)}</span>
                {job && <span class="quiet mono"> {job_words(job)}</span>}
                <Progress part={job?.progress ?? asset.version.progress ?? null} name="Progress" />
              </div>
            )}
            {asset.version.problem && <ProblemBox problem={asset.version.problem} retry={asset.version.job && may("edit") ? retry : undefined} />}
            {asset.kind !== "document" && <TranscodeActs asset={asset} v={asset.version} />}
            {fields.length > 0 && <FieldGroup asset={asset} fields={fields} changed={changed} />}
            <InPlace asset={asset} />
            <FactGroups asset={asset} />
            {asset.version.facts && asset.version.facts.video.length > 0 && asset.kind !== "still" && <MasterGroup asset={asset} />}
            {asset.version.facts && <RecordGroup asset={asset} />}
          </>
        )}
      </div>
    </Panel>
  );
}
