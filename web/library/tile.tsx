/*
 * library/tile: one asset in the grid: picture with hover-scrub, name, what is happening to it.
 */
import type { Asset, Job } from "api-types";
import { useEffect, useRef, useState } from "preact/hooks";
import { wrong_hash } from "../growing/closed";
import { job_words } from "../parts/activity";
import { count_text, rate_name, size_text, split_name } from "../parts/format";
import { formatSamples, formatTimecode, parseRational, roundedRate, tcRate } from "../player/timecode";
import { Icon, type IconName } from "../parts/icons";
import { status_word } from "../parts/status";
import { Progress } from "../parts/progress";
import { place_away, place_words } from "./in_place";
import { Lacks } from "./lacks";
import { fresh_version } from "./model";

export const kind_icon: Record<Asset["kind"], IconName> = { clip: "clip", sound: "sound", sequence: "sequence", still: "still", captions: "document", document: "document" };

export const can_deliver = (a: Asset): boolean => a.version.state === "ready" && a.version.facts?.camera?.picture !== false && a.kind !== "document" && a.kind !== "captions" && a.kind !== "still";

// How long it is, as people of the trade say it: hours, minutes, seconds, frames.
export function length_of(a: Asset): string {
  const f = a.version.facts;
  const rate = f && parseRational(f.rate);
  if (!f || !rate || a.kind === "still" || a.kind === "document" || a.kind === "captions") return "";
  if (a.kind === "sound") return formatSamples(f.duration_frames, rate.num / rate.den);
  const tc = tcRate(rate, f.timecode?.base ?? roundedRate(rate), f.timecode?.drop ?? false);
  return tc ? formatTimecode(f.duration_frames, tc) : f.duration_text;
}

// What stands under the name: of a picture its size and rate, of sound its channels, of the rest the bytes.
function shape_of(a: Asset): string {
  const f = a.version.facts;
  const video = f?.video[0];
  if (!f || (!video && !f.audio[0])) return size_text(a.version.size);
  if (f.camera?.picture === false) return `${f.camera.format ?? "original"}${a.version.shown ? "" : ", no picture"}`;
  if (a.kind === "still" && video) return `${video.display_width} × ${video.display_height}`;
  return video ? `${video.display_height}p${rate_name(f.rate)}` : (f.audio[0]?.layout ?? "");
}

// "A001.mov is not media" under the name A001.mov: "is not media".
const fault_of = (a: Asset): string => {
  const title = a.version.problem?.title ?? "failed";
  return title.startsWith(a.name) ? `failed: ${title.slice(a.name.length).trim()}` : title;
};

export function state_words(a: Asset, job: Job | undefined): string {
  switch (a.version.state) {
    case "stored":
      return job ? `${job.title.split(" ")[0] ?? ""} ${job_words(job)}` : "waiting";
    case "probing":
      return "reading facts";
    case "proxying": {
      const part = job?.progress ?? a.version.progress;
      return part === null || part === undefined ? "making proxies" : `making proxies ${Math.floor(part * 100)} %`;
    }
    case "ready":
      return a.version.facts?.camera?.picture === false && !a.version.shown ? "no picture without the maker's SDK" : "ready";
    case "failed":
      return "failed";
  }
}

export function Name({ name }: { name: string }) {
  const [head, tail] = split_name(name);
  return (
    <span class="asset-name" title={name}>
      <span class="cut">{head}</span>
      {tail && <span class="tail">{tail}</span>}
    </span>
  );
}

// Poster; moving the pointer over it (or `part` 0..1 from outside) shows the sprite of that place.
export function Picture({ asset, part }: { asset: Asset; part?: number | null }) {
  const [derived, set_derived] = useState(asset.version.derived);
  const [over, set_over] = useState<number | null>(null);
  const [broken, set_broken] = useState(false);
  const asked = useRef(false);
  useEffect(() => {
    set_derived(asset.version.derived);
    set_broken(false);
  }, [asset.version.derived]);
  const poster = derived.find((d) => d.kind === "poster");
  const sheets = derived.filter((d) => d.kind === "sprites" && !d.growing);
  const sprite = asset.version.facts?.sprite;
  const place = part ?? over;
  const refresh = () => {
    if (asked.current) return set_broken(true);
    asked.current = true;
    void fresh_version(asset.version.id).then((v) => (v ? set_derived(v.derived) : set_broken(true)));
  };
  const frame = sprite && sheets.length && place !== null ? Math.min(sprite.count - 1, Math.max(0, Math.floor(place * sprite.count))) : null;
  const a_sheet = sprite ? sprite.columns * sprite.rows : 1;
  const sheet = frame === null ? undefined : sheets[Math.floor(frame / a_sheet)];
  return (
    <span
      class="picture"
      onPointerMove={(e) => {
        if (!sprite || e.pointerType === "touch") return;
        const at = e.currentTarget.getBoundingClientRect();
        set_over((e.clientX - at.left) / at.width);
      }}
      onPointerLeave={() => set_over(null)}
    >
      {poster && !broken ? <img src={poster.url} alt="" loading="lazy" decoding="async" draggable={false} onError={refresh} /> : <Icon name={kind_icon[asset.kind]} size={28} />}
      {sprite && sheet && frame !== null && (
        <Sprite url={sheet.url} column={(frame % a_sheet) % sprite.columns} row={Math.floor((frame % a_sheet) / sprite.columns)} columns={sprite.columns} rows={sprite.rows} ratio={sprite.width / sprite.height} part={place ?? 0} />
      )}
    </span>
  );
}

// The tile is cut out of its sheet by a background that is `columns` times as wide as the picture.
function Sprite(p: { url: string; column: number; row: number; columns: number; rows: number; ratio: number; part: number }) {
  const across = p.columns > 1 ? (p.column / (p.columns - 1)) * 100 : 0;
  const down = p.rows > 1 ? (p.row / (p.rows - 1)) * 100 : 0;
  return (
    <>
      <span class="sprite-back">
        <span class="sprite" style={{ backgroundImage: `url("${p.url}")`, backgroundSize: `${p.columns * 100}% ${p.rows * 100}%`, backgroundPosition: `${across}% ${down}%`, aspectRatio: String(p.ratio) }} />
      </span>
      <span class="scrub-line" style={{ left: `${p.part * 100}%` }} />
    </>
  );
}

export function Tile({ asset, job, chosen, cursor, part }: { asset: Asset; job?: Job; chosen: boolean; cursor: boolean; part?: number | null }) {
  const v = asset.version;
  const busy = v.state === "probing" || v.state === "proxying" || (v.state === "stored" && !!job);
  return (
    <div class={`tile${chosen ? " chosen" : ""}${cursor ? " cursor" : ""}`}>
      <Picture asset={asset} part={part} />
      {busy && <Progress part={v.state === "probing" ? null : (job?.progress ?? v.progress ?? null)} name={`${asset.name}: ${state_words(asset, job)}`} />}
      <span class="line">
        <Icon name={kind_icon[asset.kind]} size={14} />
        <Name name={asset.name} />
        {v.status !== "none" && <span class={`status-dot ${v.status}`} role="img" aria-label={status_word[v.status]} title={status_word[v.status]} />}
        {asset.open_comments > 0 && (
          <span class="note mono comments" title={`${asset.open_comments} open comments`}>
            <Icon name="comment" size={12} />
            {count_text(asset.open_comments)}
          </span>
        )}
      </span>
      <span class="line quiet mono">
        {v.state === "failed" ? (
          <span class="bad cut" title={v.problem?.detail}>
            <Icon name="alert" size={12} /> {fault_of(asset)}
          </span>
        ) : v.hashes && !v.hashes.right ? (
          <span class="bad cut" title={wrong_hash(v.hashes)}>
            <Icon name="alert" size={12} /> wrong hash
          </span>
        ) : busy ? (
          <span class="busy cut">{state_words(asset, job)}</span>
        ) : (
          <>
            <Lacks asset={asset} />
            <span class="cut">{v.state === "stored" ? state_words(asset, job) : length_of(asset) || asset.kind}</span>
            <span class={place_away(v.place) ? "cut bad" : "cut"}>{place_words(v.place) || shape_of(asset)}</span>
          </>
        )}
      </span>
    </div>
  );
}
