/*
 * app/session: who is here, which projects they see, and what they may do in them.
 */
import type { Me, Project } from "api-types";
import { computed } from "@preact/signals";
import { get, me, del, session_ended } from "./api";
import { connect, disconnect } from "./events";
import { route } from "./router";

export { me, session_ended };

export const projects = computed<Project[]>(() => me.value?.projects ?? []);
export const project = computed<Project | null>(() => {
  const id = route.value.project;
  return projects.value.find((p) => p.id === id) ?? null;
});
export const is_admin = computed(() => me.value?.person?.admin === true);

export type Permission = "view" | "comment" | "download" | "upload" | "edit" | "share" | "deliver" | "manage";

// May the caller do it in the project (the one in the address unless given)?
export function may(permission: Permission, where: Project | null = project.value): boolean {
  if (is_admin.value) return true;
  const share = me.value?.share;
  if (share && !me.value?.person) {
    if (permission === "view") return true;
    if (permission === "comment") return share.permission === "comment";
    return permission === "download" && share.download;
  }
  return where?.permissions.includes(permission) ?? false;
}

export async function load_me(): Promise<Me> {
  const answer = await get<Me>("/me", { patient: true });
  take_me(answer);
  return answer;
}

// After log-in, set-up, welcome or opening a share: the answer says who we are now.
export function take_me(answer: Me): void {
  me.value = answer;
  session_ended.value = false;
  if (answer.person || answer.share) connect();
}

export async function log_out(): Promise<void> {
  await del("/session", { patient: false });
  disconnect();
  location.assign("/login");
}

const LAST = "posthouse.project";
export function remember_project(id: string): void {
  try {
    localStorage.setItem(LAST, id);
  } catch {
    // private window without storage: nothing is lost but a convenience
  }
}
export function last_project(): string | null {
  try {
    return localStorage.getItem(LAST);
  } catch {
    return null;
  }
}
