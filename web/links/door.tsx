/*
 * links/door: what somebody with a link sees at /s/KEY. The door says what kind of link it is and how it looks, asks
 * for a password where there is one, and opens the room: pictures to look at, files to take, or a place to send some.
 */
import sheet from "./links.css?url";
import type { Brand, Door, Me, Problem } from "api-types";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { me, post, problem_of } from "../app/api";
import { lazy } from "../app/lazy";
import { take_me } from "../app/session";
import { Button } from "../parts/button";
import { Field } from "../parts/field";
import { sentence } from "../parts/format";
import { ProblemBox } from "../parts/problem";
import { Files } from "./files";
import { Request } from "./request";

export { sheet };

interface Props {
  shareKey: string;
  frame?: number;
  version?: number;
  comment?: string;
}
const Review = lazy(() => import("../review"), (m, p: Props) => <m.ShareView {...p} />);

export function LinkView(p: Props) {
  const [door, set_door] = useState<Door | null>(null);
  const [problem, set_problem] = useState<Problem | null>(null);
  const [open, set_open] = useState(false);
  const look = () => {
    set_problem(null);
    post<Door>("/shares/door", { key: p.shareKey }, { patient: false }).then(set_door, (e: unknown) => set_problem(problem_of(e)));
  };
  useEffect(look, [p.shareKey]);
  if (problem) return <main class="link-page"><div class="link-door"><ProblemBox problem={problem} retry={problem.kind === "offline" || problem.kind === "too_many" ? look : undefined} /></div></main>;
  if (!door) return <main class="link-page" aria-busy="true"><div class="link-door"><span class="spinner" aria-hidden="true" /><span class="seen-by-readers">Opening</span></div></main>;
  if (door.kind === "review") return <Review {...p} />;
  const share = me.value?.share;
  if (!open || !share)
    return (
      <Frame brand={door.brand}>
        <Knock shareKey={p.shareKey} door={door} opened={() => set_open(true)} />
      </Frame>
    );
  return <Frame brand={share.brand} title={share.title} message={share.message} expires={share.expires ?? null}>{share.kind === "request" ? <Request share={share} /> : <Files share={share} />}</Frame>;
}

// Without a password there is nothing to ask of who takes files: the door opens by itself. Who sends some says who it is.
function Knock({ shareKey, door, opened }: { shareKey: string; door: Door; opened: () => void }) {
  const asks_name = door.kind === "request";
  const [name, set_name] = useState("");
  const [password, set_password] = useState("");
  const [problem, set_problem] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(!door.password);
  const [asked, set_asked] = useState(door.password);
  const [tried, set_tried] = useState(false);
  const knock = (again: boolean) => {
    set_busy(true);
    if (password) set_tried(true);
    post<Me>("/shares/open", { key: shareKey, ...(password && { password }), ...(name.trim() && { name: name.trim() }) }, { patient: false })
      .then((seen) => {
        // A request's visitor who has not said a name yet is asked once; one who comes back has a visit already.
        if (asks_name && !seen.person && !seen.share?.name && !again) return set_asked(true);
        take_me(seen);
        opened();
      })
      .catch((e: unknown) => {
        const p = problem_of(e);
        set_problem(p);
        set_asked(true);
      })
      .finally(() => set_busy(false));
  };
  const known = asks_name && !door.password;
  useEffect(() => {
    if (known) {
      set_busy(false);
      set_asked(true);
    } else if (!door.password) knock(true);
    else if (me.value?.share) knock(true); // who was in already may come back without it
  }, []);
  if (!asked && !problem) return <div class="link-door" aria-busy="true"><span class="spinner" aria-hidden="true" /><span class="seen-by-readers">Opening</span></div>;
  const wrong = problem && problem.kind !== "password" ? problem : null;
  return (
    <form class="link-door" onSubmit={(e) => { e.preventDefault(); knock(true); }}>
      <h1>{door.title ?? (door.password ? "This link has a password" : asks_name ? "Send files" : "Files for you")}</h1>
      {asks_name && <Field label="Your name" value={name} set={set_name} required focus autocomplete="name" maxlength={100} hint="So that whoever asked knows whose files these are." />}
      {door.password && <Field label="Password" type="password" value={password} set={set_password} focus={!asks_name} autocomplete="off" wrong={problem?.kind === "password" && tried ? `${sentence(problem.title)}. ${sentence(problem.fix ?? "")}.` : null} hint="Whoever sent you the link has it." />}
      {wrong && <ProblemBox problem={wrong} />}
      <Button look="primary" submit busy={busy} disabled={(asks_name && !name.trim()) || (door.password && !password)}>Open</Button>
    </form>
  );
}

const light = (colour: string): boolean => {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
  return r * 0.299 + g * 0.587 + b * 0.114 > 150;
};

// The house's (or the project's) own look; nothing of ours is on it.
export function Frame({ brand, title, message, expires, children }: { brand: Brand; title?: string; message?: string; expires?: string | null; children: ComponentChildren }) {
  const name = brand.name || me.value?.house || "";
  useEffect(() => {
    document.title = [title, name].filter(Boolean).join(" · ");
  }, [title, name]);
  const wear = (e: HTMLElement | null) => {
    if (!e || !brand.colour) return;
    e.style.setProperty("--primary", brand.colour);
    e.style.setProperty("--primary-line", brand.colour);
    e.style.setProperty("--primary-text", light(brand.colour) ? "#111111" : "#ffffff");
  };
  return (
    <main class="link-page" ref={wear}>
      <header class="link-brand">
        {brand.logo ? <img src={brand.logo} alt={name} /> : <b>{name}</b>}
        {brand.logo && name && <span class="quiet">{name}</span>}
      </header>
      <div class="link-room">
        {title && (
          <div class="link-title">
            <h1>{title}</h1>
            {message && <p class="said">{message}</p>}
            {brand.message && <p class="quiet said">{brand.message}</p>}
            {expires && <p class="quiet">Until {new Date(expires).toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric" })}</p>}
          </div>
        )}
        {children}
      </div>
    </main>
  );
}
