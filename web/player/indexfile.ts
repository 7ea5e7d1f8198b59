/*
 * A frame index being read over HTTP: its header, then pages as they are needed, and its tail while the
 * proxy grows.
 */
import type { Bytes } from './bytes';
import { FrameIndex, PAGE_FRAMES, RECORD_BYTES, readHeader } from './frameindex';

const FIRST_READ_BYTES = 64 << 10;

export class IndexFile {
  private coming = new Map<number, Promise<void>>();
  growing = false; // said by the house: more will come

  private constructor(private file: Bytes, readonly index: FrameIndex) {}

  static async open(file: Bytes, growing: boolean): Promise<IndexFile | string> {
    const bytes = await file.get(0, FIRST_READ_BYTES);
    const header = readHeader(bytes);
    if ('problem' in header) return header.problem;
    const made = new IndexFile(file, new FrameIndex(header));
    made.growing = growing;
    made.index.add(0, bytes.subarray(header.headerBytes));
    while (!made.index.complete && await made.grow()) { /* read on to the present end */ }
    return made;
  }

  // Reads what a growing index has gained. True when there was something new.
  async grow(): Promise<boolean> {
    const { index } = this;
    if (index.complete) return false;
    const before = index.count;
    const from = index.header.headerBytes + before * RECORD_BYTES;
    const bytes = await this.file.get(from, from + PAGE_FRAMES * RECORD_BYTES);
    if (index.count === before) index.add(before, bytes);
    if (index.count === before) {
      const header = readHeader(await this.file.get(0, 64 + index.header.avcC.length));
      // One that no longer grows and has no count is as long as it is.
      if (!('problem' in header) && (header.complete || !this.growing)) {
        index.finish(header.complete ? header.count : index.count);
      }
    }
    return index.count > before;
  }

  // The records of the page that holds this frame are here when it resolves.
  async need(frame: number): Promise<void> {
    const { index } = this;
    for (let gap = index.missing(frame); gap; gap = index.missing(frame)) {
      const page = Math.floor(gap.first / PAGE_FRAMES);
      let coming = this.coming.get(page);
      if (!coming) {
        const { first, from, to } = gap;
        coming = this.file.get(from, to).then((bytes) => {
          if (!index.add(first, bytes)) throw new Error(`the frame index ends before frame ${frame}`);
        }).finally(() => this.coming.delete(page));
        this.coming.set(page, coming);
      }
      await coming;
    }
  }

  async times(): Promise<Float64Array> {
    const { index } = this;
    for (let f = 0; f < index.count; f += PAGE_FRAMES) await this.need(Math.min(f + PAGE_FRAMES, index.count) - 1);
    return Float64Array.from({ length: index.count }, (_, f) => index.time(f));
  }

  // As much of its group as decoding this frame takes: from the key frame to itself (proxies have no B-frames).
  async lead(frame: number): Promise<number[]> {
    await this.need(frame);
    const { index } = this;
    let key = index.keyBefore(frame);
    while (key > 0 && (!index.has(key) || !index.key(key))) { // the page before holds it
      await this.need(key);
      key = index.keyBefore(key);
    }
    return Array.from({ length: frame - key + 1 }, (_, i) => key + i);
  }

  // The group that the frame is in, from its key frame.
  async group(frame: number): Promise<number[]> {
    const { index } = this;
    const key = (await this.lead(frame))[0] ?? 0;
    let end = index.groupEnd(frame);
    while (end < index.count && !index.has(end)) {
      await this.need(end);
      end = index.key(end) ? end : index.groupEnd(end);
    }
    return Array.from({ length: end - key }, (_, i) => key + i);
  }
}
