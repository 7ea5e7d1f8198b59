/*
 * parts/format: numbers and times as people read them. No DOM.
 */
const minute = 60;
const hour = 3600;
const day = 86_400;

// 1234567 -> "1.23 MB". Powers of ten, as disks and carriers count.
export function size_text(bytes: number): string {
  if (!Number.isFinite(bytes) || bytes < 0) return "–";
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB", "PB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2)} ${units[unit] ?? ""}`;
}

export const rate_text = (bytes_per_second: number): string => `${size_text(Math.max(0, Math.round(bytes_per_second)))}/s`;

// 12107 -> "12,107"
const counts = new Intl.NumberFormat("en-GB"); // kept: to make one takes longer than a row of a list
export const count_text = (n: number): string => counts.format(n);

export const plural = (n: number, one: string, many = one + "s"): string => `${count_text(n)} ${n === 1 ? one : many}`;

// Seconds left, for people: "4 s", "3 min", "1 h 20 min", "2 days".
export function left_text(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "";
  if (seconds < minute) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < hour) {
    const m = Math.floor(seconds / minute);
    const s = Math.round((seconds % minute) / 10) * 10;
    return m < 5 && s > 0 && s < 60 ? `${m} min ${s} s` : `${Math.round(seconds / minute)} min`;
  }
  if (seconds < day) {
    const whole = Math.round(seconds / minute);
    return `${Math.floor(whole / 60)} h ${whole % 60} min`;
  }
  return plural(Math.round(seconds / day), "day");
}

// A length: "0:42", "12:07", "1:02:33".
export function length_text(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "–";
  const whole = Math.round(seconds);
  const s = String(whole % 60).padStart(2, "0");
  const m = Math.floor(whole / 60) % 60;
  const h = Math.floor(whole / hour);
  return h ? `${h}:${String(m).padStart(2, "0")}:${s}` : `${m}:${s}`;
}

// "just now", "41 min", "2 h", "yesterday", "3 days", then the date.
export function ago_text(at: string, now_ms: number = Date.now()): string {
  const then = Date.parse(at);
  if (!Number.isFinite(then)) return "–";
  const s = Math.round((now_ms - then) / 1000);
  if (s < 0) return until_text(-s, then);
  if (s < 45) return "just now";
  if (s < hour) return `${Math.max(1, Math.round(s / minute))} min`;
  if (s < day) return `${Math.round(s / hour)} h`;
  if (s < 2 * day) return "yesterday";
  if (s < 7 * day) return `${Math.floor(s / day)} days`;
  return date_text(then);
}

function until_text(s: number, then: number): string {
  if (s < 45) return "now";
  if (s < hour) return `in ${Math.round(s / minute)} min`;
  if (s < 2 * day) return `in ${Math.round(s / hour)} h`;
  if (s < 60 * day) return `in ${Math.round(s / day)} days`;
  return date_text(then);
}

function date_text(ms: number): string {
  return new Date(ms).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}

// The exact time, for the hover: "Tue, 24 Nov 2026, 00:23:11".
export function exact_text(at: string): string {
  const then = new Date(at);
  return Number.isFinite(then.getTime())
    ? then.toLocaleString("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" })
    : at;
}

// "24000/1001" -> "23.976", "25/1" -> "25".
export function rate_name(rate: string): string {
  const [num, den] = rate.split("/").map(Number);
  if (!num || !Number.isFinite(num)) return "–";
  const value = num / (den || 1);
  return Number.isInteger(value) ? String(value) : String(Math.round(value * 1000) / 1000);
}

export function rate_value(rate: string): number {
  const [num, den] = rate.split("/").map(Number);
  return num && Number.isFinite(num) ? num / (den || 1) : 0;
}

// "Maya Keller" -> "MK"
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0]];
  return letters.map((w) => [...(w ?? "?")][0] ?? "?").join("").toUpperCase();
}

// The house's words as a sentence; a file's name at the beginning stays as it is.
export const sentence = (text: string): string => (/^[a-z]+[ ,’']/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text);

export const percent_text = (part: number): string => `${Math.floor(Math.min(1, Math.max(0, part)) * 100)} %`;

// "A001_C012.mov" -> ["A001_C012", ".mov"]: a long name is cut in its middle, so that the end stays seen.
export function split_name(name: string): [string, string] {
  const keep = Math.min(12, Math.floor(name.length / 2));
  return name.length > 24 ? [name.slice(0, -keep), name.slice(-keep)] : [name, ""];
}

// Names in the order people expect: reel2 before reel10.
const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
export const by_name = (a: string, b: string): number => collator.compare(a, b);
