// What an order says besides its profile.
import type { NewDelivery } from "api-types";
import { map_text, type MapRow } from "./sound_model";

export interface SoundOrder {
  rows: MapRow[] | null; // null: as the profile says
  gain: boolean;
  limiter: string | null; // who consents
}
export interface Order {
  destination: string | null;
  naming: Record<string, string>;
  sound: SoundOrder;
  beside: string[] | null; // files that go along; null: those that suit the profile
  good: boolean; // it can be ordered so
}
export const no_order: Order = { destination: null, naming: {}, sound: { rows: null, gain: false, limiter: null }, beside: null, good: true };

export const sound_body = (s: SoundOrder): { map: string | null; loudness: string | null; limiter: string | null } =>
  ({ map: s.rows ? map_text(s.rows) : null, loudness: s.gain ? "gain" : null, limiter: s.gain && s.limiter?.trim() ? s.limiter.trim() : null });
export const order_body = (o: Order): Omit<NewDelivery, "profile"> => ({ destination: o.destination, naming: o.naming, ...sound_body(o.sound), beside: o.beside });
