/*
 * The list of comments as it changes: news comes in any order and twice, and must not move what one
 * reads. No DOM.
 */
import type { Comment } from "api-types";

export interface Thread {
  head: Comment;
  replies: Comment[];
}
export type Filter = "open" | "all" | "mine";

// Puts one comment in: a newer form replaces the older one, whole.
export function put(list: Comment[], c: Comment): Comment[] {
  const at = list.findIndex((o) => o.id === c.id);
  return at < 0 ? [...list, c] : list.map((o, i) => (i === at ? { ...c, mine: o.mine || c.mine } : o));
}

export const drop = (list: Comment[], id: string): Comment[] => list.filter((c) => c.id !== id && c.parent !== id);

export function threads(list: Comment[], filter: Filter, keep: string | null = null): Thread[] {
  const heads = list.filter((c) => !c.parent && !c.deleted)
    .filter((c) => c.id === keep || filter === "all" || (filter === "open" ? !c.resolved : c.mine))
    .sort((a, b) => a.frame - b.frame || a.created.localeCompare(b.created));
  const replies = new Map<string, Comment[]>();
  for (const c of list) if (c.parent && !c.deleted) replies.set(c.parent, [...(replies.get(c.parent) ?? []), c]);
  return heads.map((head) => ({ head, replies: (replies.get(head.id) ?? []).sort((a, b) => a.created.localeCompare(b.created)) }));
}

// Where N and P lead from a frame; null past the ends.
export function neighbour(all: Thread[], frame: number, way: 1 | -1): Comment | null {
  const heads = all.map((t) => t.head);
  return (way > 0 ? heads.find((h) => h.frame > frame) : heads.reverse().find((h) => h.frame < frame)) ?? null;
}

// Which drawings lie over a frame: those of comments at it, or whose range holds it.
export const at_frame = (list: Comment[], frame: number): Comment[] =>
  list.filter((c) => !c.deleted && frame >= c.frame && frame <= (c.end_frame ?? c.frame));
