// parts/status: the words for a version's status.
import type { Version } from "api-types";

export const status_word: Record<Version["status"], string> = { none: "No status", review: "In review", changes: "Changes asked", approved: "Approved" };
