/*
 * farm/log_lines: a log that comes in pieces of text, as lines with what is worth a look marked. No DOM.
 */
export type Mark = "error" | "warning" | null;
export interface LogLine {
  text: string;
  mark: Mark;
}

// Words that renderers say at the beginning of a line or after a time stamp; "0 errors" and "error_color" are none.
const errors = /(^|[^\w/.-])(error|errors|fatal|traceback|exception|segmentation fault|abort(ed)?|killed|panic)([^\w]|$)/i;
const warnings = /(^|[^\w/.-])(warn|warning)([^\w]|$)/i;
// What a session says that it runs is no word of what it runs, nor is a list of settings ("Fatal Stream to console....On").
const harmless = /^Running command |\b(0|no) (errors?|warnings?)\b|\.{4,} ?(on|off)\b/i;

export function mark_of(text: string): Mark {
  if (harmless.test(text)) return null;
  return errors.test(text) ? "error" : warnings.test(text) ? "warning" : null;
}

export class LogText {
  readonly lines: LogLine[] = [];
  readonly marked: number[] = []; // places of errors and warnings
  private rest: string | null = null; // the last line as it came, when it has not ended yet

  // A carriage return begins the line anew, as progress bars do.
  add(text: string): void {
    if (!text) return;
    const parts = text.split("\n");
    const ended = parts[parts.length - 1] === "";
    if (ended) parts.pop();
    parts.forEach((part, i) => {
      let whole = part;
      if (i === 0 && this.rest !== null) {
        whole = this.rest + part;
        this.lines.pop();
        if (this.marked[this.marked.length - 1] === this.lines.length) this.marked.pop();
      }
      const kept = whole.replace(/\r+$/, "");
      const line = kept.slice(kept.lastIndexOf("\r") + 1);
      const mark = mark_of(line);
      if (mark) this.marked.push(this.lines.length);
      this.lines.push({ text: line, mark });
      this.rest = line + whole.slice(kept.length);
    });
    if (ended) this.rest = null;
  }
}
