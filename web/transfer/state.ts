// transfer/state: what is being sent, for those who only look (activity, drop panel). The work is in transfer/upload.
import type { Problem } from "api-types";
import { computed, signal } from "@preact/signals";

export interface Upload {
  id: number;
  project: string;
  path: string;
  file: File;
  sent: number;
  state: "queued" | "sending" | "paused" | "done" | "failed";
  problem: Problem | null;
}

export const upload_list = signal<readonly Upload[]>([]);
export const sent_bytes = signal(0); // of all in the list, live
export const speed = signal(0); // bytes a second, over the last seconds
export const panel_open = signal(false);
export const all_paused = signal(false);
export const reading = signal(0); // files found so far in what was dropped, while folders are being read
export const total_bytes = computed(() => upload_list.value.reduce((sum, u) => sum + u.file.size, 0));
export const uploads_under_way = computed(() => upload_list.value.filter((u) => u.state === "queued" || u.state === "sending" || u.state === "paused").length);
export const uploads_part = computed(() => (total_bytes.value ? sent_bytes.value / total_bytes.value : uploads_under_way.value ? 0 : 1));

export interface Dropped {
  entries: FileSystemEntry[];
  files: File[]; // where the browser gives no entries
}
// What a drop holds, taken while its event lasts; read_drop walks the folders later.
export const take_drop = (data: DataTransfer): Dropped => ({
  entries: [...data.items].map((i) => (i.kind === "file" ? i.webkitGetAsEntry() : null)).filter((e): e is FileSystemEntry => e !== null),
  files: [...data.files],
});
