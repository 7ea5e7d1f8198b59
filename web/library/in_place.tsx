// library/in_place: what is said of an asset whose bytes lie on somebody's volume.
import type { Asset, VersionPlace } from "api-types";
import { useState } from "preact/hooks";
import { post, problem_of } from "../app/api";
import { may } from "../app/session";
import { Button, CopyButton } from "../parts/button";
import { Ago } from "../parts/time";
import { tell, tell_problem } from "../parts/toast";

// In a list: a few words; "" when there is nothing to say.
export function place_words(p: VersionPlace | null | undefined): string {
  if (!p) return "";
  if (p.state === "changed") return "changed since";
  if (p.state !== "here") return "offline";
  return p.hashed ? "in place" : "not hashed yet";
}

export const place_away = (p: VersionPlace | null | undefined): boolean => !!p && p.state !== "here";

function Standing({ p }: { p: VersionPlace }) {
  if (p.state === "changed") return <><span class="bad">changed</span> {p.since && <Ago said at={p.since} />}: the bytes of this version are gone</>;
  if (p.state !== "here") return <><span class="bad">offline</span> since {p.since && <Ago said at={p.since} />}{p.seen && <>, last seen <Ago said at={p.seen} /></>}</>;
  if (p.keeping) return <span class="busy">is being copied into the house</span>;
  return <>{p.hashed ? "in place" : <span class="busy">in place, not hashed yet</span>}</>;
}

export function InPlace({ asset }: { asset: Asset }) {
  const p = asset.version.place;
  const [asked, set_asked] = useState("");
  if (!p) return null;
  const whole = `${p.root}/${p.path}`;
  const keep = () =>
    void post(`/versions/${asset.version.id}/keep`).then(
      () => { set_asked(asset.version.id); tell(`${asset.name} is copied into the house, once it is hashed`); },
      (e: unknown) => tell_problem(problem_of(e)),
    );
  return (
    <section>
      <h3>In place</h3>
      <dl>
        <div><dt>Lies in</dt><dd><span class="with-copy"><code class="cut" title={whole}>{whole}</code><CopyButton text={whole} name="Copy the path" /></span></dd></div>
        <div><dt>State</dt><dd><Standing p={asked === asset.version.id ? { ...p, keeping: true } : p} /></dd></div>
        {p.problem && <div><dt>Not copied</dt><dd class="bad">{p.problem}</dd></div>}
      </dl>
      {may("upload") && p.state !== "changed" && !p.keeping && asked !== asset.version.id && <Button run={keep}>Copy into the house</Button>}
    </section>
  );
}
