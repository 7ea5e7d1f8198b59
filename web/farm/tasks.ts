// farm/tasks: one task: its attempts, its values, where its outputs go.
import { get } from "../app/api";
import type { Task } from "./model";

export const read_task = (job: string, step: number, number: number, signal: AbortSignal): Promise<Task> => get<Task>(`/jobs/${job}/steps/${step}/tasks/${number}`, { signal });
