/*
 * Which version of an asset is looked at. The address says it (?v=2) unless it is the newest; what comes
 * while one looks does not take the picture away. No DOM.
 */
import type { Asset, Comment, Version } from "api-types";

// The version to show: the one that the address names, else the one on the screen, else the newest.
export function version_shown(asset: Asset, all: readonly Version[], named: number | undefined, on_screen: string | null): Version {
  const found = named !== undefined ? all.find((v) => v.number === named) : all.find((v) => v.id === on_screen);
  return found ?? all.find((v) => v.id === asset.version.id) ?? asset.version;
}

// The one that V (way 1: older) or Shift-V (way -1: newer) leads to, round at the ends: two are compared by one key.
export function version_beside(all: readonly Version[], id: string, way: 1 | -1): Version | null {
  const at = all.findIndex((v) => v.id === id);
  return at < 0 || all.length < 2 ? null : (all[(at + way + all.length) % all.length] ?? null);
}

// Of one version, and the open ones of all the others that were not carried on.
export function by_version(list: readonly Comment[], version: string): { here: Comment[]; elsewhere: Comment[] } {
  return {
    here: list.filter((c) => c.version === version),
    elsewhere: list.filter((c) => c.version !== version && !c.parent && !c.deleted && !c.resolved && !c.carried_on),
  };
}
