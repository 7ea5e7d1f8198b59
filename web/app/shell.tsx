/*
 * app/shell: the frame round every view: top bar, offline bar, what lies over the view, and which view the
 * address means. Views beyond the library are loaded when first opened.
 */
import type { Problem } from "api-types";
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Activity, ActivityButton, toggle_activity } from "../parts/activity";
import { Button } from "../parts/button";
import { Dialogs } from "../parts/dialog";
import { initials } from "../parts/format";
import { Icon } from "../parts/icons";
import { useKeys } from "../parts/keys";
import { open_key_sheet } from "../parts/keysheet";
import { Menus, menu_under, type MenuItem } from "../parts/menu";
import { Palette, open_palette } from "../parts/palette";
import { fold } from "../parts/panel";
import { Empty, ProblemBox } from "../parts/problem";
import { Avatar } from "../parts/time";
import { Toasts, tell_problem } from "../parts/toast";
import { problem_of } from "./api";
import { follow_jobs } from "./jobs";
import { lazy } from "./lazy";
import { online, try_now, waiting_writes } from "./link";
import { go, route, to, type Route, type View } from "./router";
import { is_admin, last_project, load_me, log_out, may, me, project, projects, remember_project, session_ended } from "./session";
import { Library } from "../library/library";

interface ReviewProps {
  asset: string;
  version?: number;
  frame?: number;
  comment?: string;
  share: boolean;
}
const Gate = lazy(() => import("../login/login"), (m, p: { what: "login" | "setup" | "welcome" | "again" }) => <m.Gate {...p} />);
const Home = lazy(() => import("../login/home"), (m) => <m.Home />);
const Review = lazy(() => import("../review"), (m, p: ReviewProps) => <m.ReviewView {...p} />);
const Share = lazy(() => import("../links/door"), (m, p: { shareKey: string; frame?: number; version?: number; comment?: string }) => <m.LinkView key={p.shareKey} {...p} />);
const Lines = lazy(() => import("../transfer/lines"), (m) => <m.Lines />);
const Farm = lazy(() => import("../farm/farm"), (m) => <m.Farm />);
const Deliver = lazy(() => import("../deliver/deliver"), (m) => <m.Deliver />);
const Receipt = lazy(() => import("../deliver/deliver"), (m, p: { sending: string }) => <m.Receipt {...p} />);
const Compare = lazy(() => import("../compare/compare"), (m) => <m.Compare />);
const Pickup = lazy(() => import("../deliver/deliver"), (m) => <m.Pickup />);
const Admin = lazy(() => import("../admin/admin"), (m, p: { view: View }) => <m.Admin {...p} />);

const boot_problem = signal<Problem | null>(null);
async function boot(): Promise<void> {
  boot_problem.value = null;
  try {
    await load_me();
  } catch (e) {
    boot_problem.value = problem_of(e);
  }
}
void boot();

export function Root() {
  const who = me.value;
  const r = route.value;
  if (boot_problem.value)
    return (
      <div class="gate">
        <ProblemBox problem={boot_problem.value} retry={() => void boot()} />
      </div>
    );
  if (!who) return <div class="gate" aria-busy="true" />;
  const inside = () => {
    if (r.view === "share") return <Share shareKey={r.key ?? ""} frame={number_in(r, "f")} version={number_in(r, "v")} comment={r.query["c"]} />;
    if (r.view === "pickup") return <Pickup />;
    if (r.view === "welcome") return <Gate what="welcome" />;
    if (who.setup_needed || r.view === "setup") return <Gate what="setup" />;
    if (r.view === "login" || (!who.person && !who.share)) return <Gate what="login" />;
    return <Shell />;
  };
  return (
    <>
      {inside()}
      {session_ended.value && <Gate what="again" />}
      <Palette />
      <Dialogs />
      <Menus />
      <Toasts />
    </>
  );
}

function Shell() {
  const r = route.value;
  useKeys("Everywhere", [
    { keys: ["Ctrl+K"], name: "Find or do anything", run: open_palette, in_fields: true, in_palette: false },
    { keys: ["?"], name: "Keys of this view", run: open_key_sheet },
    { keys: ["["], name: "Fold the left panel", run: () => fold("left") },
    { keys: ["]"], name: "Fold the right panel", run: () => fold("right") },
    { keys: ["Shift+A"], name: "Show what is under way", run: toggle_activity },
  ]);
  useEffect(follow_jobs, []);
  useEffect(() => {
    if (r.project && project.value) remember_project(r.project);
    if (r.view === "home" && !r.query["all"]) {
      const last = projects.value.find((p) => p.id === last_project());
      if (last) go(to.library(last.id), { replace: true });
    }
    document.title = [titles[r.view], project.value?.name, "Posthouse"].filter(Boolean).join(" · ");
  }, [r, project.value]);
  return (
    <div class="shell">
      <Top />
      <div role="status">{!online.value && <OfflineBar />}</div>
      <div class="work">
        <ViewOf />
      </div>
      <Activity />
    </div>
  );
}

function number_in(r: Route, name: string): number | undefined {
  const said = r.query[name];
  return said && /^\d+$/.test(said) ? Number(said) : undefined;
}

const titles: Record<View, string> = {
  home: "Projects", library: "Library", review: "Review", farm: "Farm", deliver: "Deliver", receipt: "Receipt", compare: "Comparison", pickup: "Files for you", destinations: "Destinations", houses: "Houses", watched: "Watched folders", places: "Media in place", transfers: "Transfers", shares: "Links", settings: "Project", tokens: "Account",
  people: "People", audit: "Audit", login: "Log in", setup: "Set up", welcome: "Welcome", share: "Review", missing: "Not found",
};

function ViewOf() {
  const r = route.value;
  if (me.value?.factor?.owed) return <Admin view="tokens" />;
  if (r.project && !project.value && !me.value?.share)
    return (
      <main>
        <Empty title="There is no such project for you">
          <p>The address names a project that does not exist, or that you are not a member of. Ask its owner to add you.</p>
          <Button run={() => go("/?all=1")}>All projects</Button>
        </Empty>
      </main>
    );
  switch (r.view) {
    case "home":
      return <Home />;
    case "library":
      return <Library key={r.project} />;
    case "review":
      return <Review key={r.asset} asset={r.asset ?? ""} frame={number_in(r, "f")} version={number_in(r, "v")} comment={r.query["c"]} share={!me.value?.person} />;
    case "farm":
      return <Farm />;
    case "deliver":
      return <Deliver />;
    case "compare":
      return <Compare key={`${r.asset} ${r.key}`} />;
    case "receipt":
      return <Receipt sending={r.key ?? ""} />;
    case "transfers":
      return <Lines />;
    case "shares":
    case "settings":
    case "tokens":
    case "people":
    case "destinations":
    case "watched":
    case "places":
    case "houses":
    case "audit":
      return <Admin view={r.view} />;
    default:
      return (
        <main>
          <Empty title="Nothing has this address">
            <Button run={() => go("/?all=1")}>All projects</Button>
          </Empty>
        </main>
      );
  }
}

function OfflineBar() {
  return (
    <div class="offline">
      <Icon name="offline" />
      <span>
        The house is out of reach. {waiting_writes.value ? `${waiting_writes.value} ${waiting_writes.value === 1 ? "change waits" : "changes wait"} and will be sent.` : "Trying again by itself; nothing typed is lost."}
      </span>
      <Button run={try_now}>Try now</Button>
    </div>
  );
}

function Top() {
  const r = route.value;
  const here = project.value;
  // On a phone the tabs are wider than their room.
  useEffect(() => document.querySelector(".top nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" }), [r.view, here]);
  const tab = (view: View, name: string, address: string) => (
    <a href={address} aria-current={r.view === view || (view === "library" && r.view === "review") ? "page" : undefined}>
      {name}
    </a>
  );
  const switch_project = (e: MouseEvent) => {
    if (!(e.currentTarget instanceof Element)) return;
    menu_under(e.currentTarget, [
      { heading: "Projects" },
      ...projects.value.map((p): MenuItem => ({ name: p.name, checked: p.id === here?.id, run: () => go(to.library(p.id)) })),
      "line",
      { name: "All projects", icon: "house", run: () => go("/?all=1") },
      ...(here ? [{ name: "Members and settings", icon: "gear" as const, run: () => go(to.settings(here.id)) }] : []),
      ...(here && may("share") ? [{ name: "Links", icon: "link" as const, run: () => go(to.shares(here.id)) }] : []),
    ]);
  };
  return (
    <header class="top">
      <a class="mark" href="/?all=1">
        {me.value?.house || "Posthouse"}
      </a>
      <button type="button" class="button plain project" aria-haspopup="menu" onClick={switch_project} title={here?.name}>
        <Icon name="down" size={12} />
        <span class="cut">{here?.name ?? "Projects"}</span>
      </button>
      {here ? (
        <nav aria-label="Views">
          {tab("library", "Library", to.library(here.id))}
          {tab("farm", "Farm", to.farm(here.id))}
          {tab("deliver", "Deliver", to.deliver(here.id))}
          {may("upload") && tab("transfers", "Transfers", to.transfers(here.id))}
        </nav>
      ) : (
        <nav aria-label="Views">{tab("farm", "Farm", to.farm(null))}</nav>
      )}
      <button type="button" class="find" onClick={open_palette}>
        <Icon name="search" size={14} />
        <span>Find or do anything</span>
        <kbd>Ctrl K</kbd>
      </button>
      <ActivityButton />
      <button type="button" class="me" aria-haspopup="menu" aria-label={`${initials(me.value?.person?.name ?? "?")} ${me.value?.person?.name ?? ""}: you`} title={me.value?.person?.name} onClick={(e) => menu_under(e.currentTarget, me_menu(), { right: true })}>
        <Avatar name={me.value?.person?.name ?? "?"} />
      </button>
    </header>
  );
}

// Dark is the house's look, whatever the system prefers: it is for judging pictures. Light is for bright rooms.
const SCHEME = "posthouse.scheme";
const scheme = signal<"dark" | "light">("dark");
function wear_scheme(which: "dark" | "light"): void {
  scheme.value = which;
  document.documentElement.dataset["scheme"] = which;
  try {
    localStorage.setItem(SCHEME, which);
  } catch {
    // without storage it lasts until the page is closed
  }
}
try {
  if (localStorage.getItem(SCHEME) === "light") wear_scheme("light");
} catch {
  // as above
}

function me_menu(): MenuItem[] {
  return [
    { heading: me.value?.person?.name ?? "" },
    { name: "Your account: second factor, log-ins, tokens", icon: "key", run: () => go("/tokens") },
    ...(is_admin.value
      ? ([
          "line",
          { name: "People", icon: "people", run: () => go("/admin/people") },
          { name: "Destinations", icon: "deliver", run: () => go("/admin/destinations") },
          { name: "Watched folders", icon: "folder", run: () => go("/admin/watched") },
          { name: "Media in place", icon: "folder", run: () => go("/admin/places") },
          { name: "Houses", icon: "house", run: () => go("/admin/houses") },
          { name: "Transfers and limits", icon: "upload", run: () => go(to.transfers(null)) },
          { name: "Machines", icon: "machine", run: () => go(to.job(null, "nodes")) },
          { name: "Audit log", icon: "log", run: () => go("/admin/audit") },
        ] satisfies MenuItem[])
      : []),
    "line",
    { name: scheme.value === "dark" ? "Light, for a bright room" : "Dark, for judging pictures", icon: "sun", run: () => wear_scheme(scheme.value === "dark" ? "light" : "dark") },
    { name: "Keys of this view", icon: "keyboard", keys: "?", run: open_key_sheet },
    { name: "Log out", icon: "leave", run: () => void log_out().catch((e: unknown) => tell_problem(problem_of(e))) },
  ];
}
