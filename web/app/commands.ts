/*
 * app/commands: what Ctrl-K offers by name besides the keys of the view: places to go, acts of the house.
 */
import type { IconName } from "../parts/icons";
import { go, to } from "./router";
import { is_admin, may, project, projects } from "./session";

export interface Command {
  name: string;
  icon?: IconName;
  hint?: string;
  run: () => void;
}

export function commands(): Command[] {
  const here = project.value;
  const list: Command[] = [];
  if (here) {
    list.push({ name: `Library of ${here.name}`, icon: "grid", run: () => go(to.library(here.id)) });
    list.push({ name: "Farm: jobs and renders", icon: "activity", run: () => go(to.farm(here.id)) });
    list.push({ name: "Deliver", icon: "deliver", run: () => go(to.deliver(here.id)) });
    if (may("share")) list.push({ name: "Links", icon: "link", run: () => go(to.shares(here.id)) });
    list.push({ name: "Members and settings of the project", icon: "gear", run: () => go(to.settings(here.id)) });
  }
  for (const p of projects.value) if (p.id !== here?.id) list.push({ name: p.name, icon: "house", hint: "project", run: () => go(to.library(p.id)) });
  list.push({ name: "All projects", icon: "house", run: () => go("/?all=1") });
  list.push({ name: "Farm of all projects", icon: "activity", run: () => go(to.farm(null)) });
  list.push({ name: "Farm: machines", icon: "machine", run: () => go(to.job(here?.id ?? null, "nodes")) });
  list.push({ name: "Farm: limits and shares", icon: "filter", run: () => go(to.job(here?.id ?? null, "limits")) });
  list.push({ name: "Transfers: what moves now", icon: "upload", run: () => go(to.transfers(here?.id ?? null)) });
  list.push({ name: "Your account: second factor, log-ins, tokens", icon: "key", run: () => go("/tokens") });
  if (is_admin.value) {
    list.push({ name: "Houses", icon: "house", run: () => go("/admin/houses") });
    list.push({ name: "Destinations", icon: "deliver", run: () => go("/admin/destinations") });
    list.push({ name: "Watched folders", icon: "folder", run: () => go("/admin/watched") });
    list.push({ name: "Media in place: volumes", icon: "folder", run: () => go("/admin/places") });
    list.push({ name: "People", icon: "people", run: () => go("/admin/people") });
    list.push({ name: "Audit log", icon: "log", run: () => go("/admin/audit") });
  }
  return list;
}
