/*
 * parts/virtual: long lists of which only what is seen is drawn. Rows have one height; a grid is a list
 * of rows of tiles. 50,000 rows scroll at the speed of 50.
 */
import { Virtualizer, elementScroll, observeElementOffset, observeElementRect } from "@tanstack/virtual-core";
import type { ComponentChildren, JSX, RefObject } from "preact";
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";

export interface Rows {
  scroll_to(row: number, align?: "auto" | "start" | "center"): void;
  element: HTMLElement | null;
}

interface VirtualProps {
  count: number;
  row_height: number;
  draw: (row: number) => ComponentChildren;
  row_key?: (row: number) => string | number;
  look?: (first: number, last: number) => void; // which rows are seen now, both in it
  padding?: number;
  head?: ComponentChildren; // stays at the top (a list's column names)
  rows?: RefObject<Rows>; // filled with a handle to scroll with
  class?: string;
  attributes?: JSX.HTMLAttributes<HTMLDivElement>;
}

export function VirtualRows(p: VirtualProps) {
  const box = useRef<HTMLDivElement>(null);
  const [, again] = useReducer((n: number) => n + 1, 0);
  const options = {
    count: p.count,
    getScrollElement: () => box.current,
    estimateSize: () => p.row_height,
    overscan: 6,
    paddingStart: p.padding ?? 0,
    paddingEnd: p.padding ?? 0,
    getItemKey: p.row_key ?? ((i: number) => i),
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => again(0),
  };
  const [virtual] = useState(() => new Virtualizer<HTMLDivElement, HTMLDivElement>(options));
  virtual.setOptions(options);
  useLayoutEffect(() => virtual._didMount(), []);
  useLayoutEffect(() => virtual._willUpdate());
  useLayoutEffect(() => virtual.measure(), [p.row_height, p.padding]);
  const items = virtual.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items[items.length - 1]?.index ?? -1;
  useEffect(() => {
    if (last >= first) p.look?.(first, last);
  }, [first, last, p.count, p.look]);
  if (p.rows)
    p.rows.current = {
      scroll_to: (row, align = "auto") => virtual.scrollToIndex(row, { align }),
      element: box.current,
    };
  return (
    <div ref={box} class={`virtual${p.class ? ` ${p.class}` : ""}`} {...p.attributes}>
      {p.head}
      <div class="inside" role="presentation" style={{ height: `${virtual.getTotalSize()}px` }}>
        {items.map((item) => (
          <div key={item.key} class="at" role="presentation" style={{ height: `${item.size}px`, transform: `translateY(${item.start}px)` }}>
            {p.draw(item.index)}
          </div>
        ))}
      </div>
    </div>
  );
}

// The width of an element, kept up to date: for grids that ask how many tiles fit.
export function use_width(element: RefObject<HTMLElement>): number {
  const [width, set] = useState(0);
  useLayoutEffect(() => {
    if (!element.current) return;
    const watch = new ResizeObserver((entries) => {
      const entry = entries[entries.length - 1];
      if (entry) set(Math.floor(entry.contentRect.width));
    });
    watch.observe(element.current);
    set(element.current.clientWidth);
    return () => watch.disconnect();
  }, []);
  return width;
}
