/*
 * What a person has typed is never lost: a draft for each asset, and an outbox of comments that were
 * sent but not yet taken by the house. Both live in the browser's storage. Ids are made here, so that
 * a comment sent twice counts once.
 */
import type { NewComment, Stroke } from "api-types";

export interface Draft {
  text: string;
  drawing: Stroke[];
  frame: number | null; // where it was begun
}

const EMPTY: Draft = { text: "", drawing: [], frame: null };

function read<T>(key: string, otherwise: T): T {
  try {
    const text = localStorage.getItem(key);
    return text ? (JSON.parse(text) as T) : otherwise;
  } catch {
    return otherwise;
  }
}

function write(key: string, value: unknown, empty: boolean): void {
  try {
    if (empty) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // A full or forbidden storage: what is typed stays in the page.
  }
}

export const readDraft = (asset: string): Draft => ({ ...EMPTY, ...read<Partial<Draft>>(`posthouse.draft.${asset}`, {}) });
export const keepDraft = (asset: string, d: Draft): void => write(`posthouse.draft.${asset}`, d, !d.text && d.drawing.length === 0);

export type Waiting = NewComment & { id: string };
export const readOutbox = (asset: string): Waiting[] => read<Waiting[]>(`posthouse.outbox.${asset}`, []);
export function addToOutbox(asset: string, c: Waiting): void {
  write(`posthouse.outbox.${asset}`, [...readOutbox(asset).filter((o) => o.id !== c.id), c], false);
}
export function takeFromOutbox(asset: string, id: string): void {
  const left = readOutbox(asset).filter((o) => o.id !== id);
  write(`posthouse.outbox.${asset}`, left, left.length === 0);
}
