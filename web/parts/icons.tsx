// Icons: 16 px, one stroke weight, drawn here because fonts may lack the glyphs.
const paths = {
  folder: "M1.8 4v8.2h12.4V5.6H7.6L6.2 4z",
  folder_open: "M1.8 12.2V4h4.4l1.4 1.6h5.2v1.8M1.8 12.2l1.9-4.8h10.6l-1.9 4.8z",
  clip: "M2 3.5h12v9H2zM5 3.5v9M11 3.5v9M2 6.5h3M2 9.5h3M11 6.5h3M11 9.5h3",
  sound: "M2 8h1.5M5 5v6M8 2.5v11M11 5v6M12.8 8H14",
  sequence: "M4.5 5.5h9.7v7H4.5zM2 10V3h9.7",
  still: "M2 3h12v10H2zM2 11l3.5-3.5 3 3 2-2L14 12M10.5 6.2h.01",
  document: "M3.5 1.8h5.7l3.3 3.3v9.1h-9zM9 1.8v3.5h3.5M5.8 8.5h4.4M5.8 11h4.4",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.6 10.6 14 14",
  plus: "M8 3v10M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  check: "M3 8.5 6.5 12 13 4.5",
  alert: "M8 2 14.5 13.5h-13zM8 6.5v3.2M8 11.6v.1",
  info: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 7.3v3.6M8 5v.1",
  down: "M4 6l4 4 4-4",
  right: "M6 4l4 4-4 4",
  left: "M10 4 6 8l4 4",
  up: "M4 10l4-4 4 4",
  grid: "M2.5 2.5h4v4h-4zM9.5 2.5h4v4h-4zM2.5 9.5h4v4h-4zM9.5 9.5h4v4h-4z",
  full: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  list: "M2.5 4h11M2.5 8h11M2.5 12h11",
  panel_left: "M2 3h12v10H2zM6 3v10",
  panel_right: "M2 3h12v10H2zM10 3v10",
  upload: "M8 11V3M4.5 6.2 8 2.8l3.5 3.4M2.5 13.2h11",
  download: "M8 2.8V11M4.5 7.8 8 11.2l3.5-3.4M2.5 13.2h11",
  link: "M6.7 9.3 9.3 6.7M7 4.6l1.4-1.4a2.8 2.8 0 0 1 4 4L11 8.6M9 11.4l-1.4 1.4a2.8 2.8 0 0 1-4-4L5 7.4",
  copy: "M5.5 5.5h8v8h-8zM3.5 10.5h-1v-8h8v1",
  trash: "M2.5 4.5h11M6 4.5v-2h4v2M4 4.5l.6 9h6.8l.6-9M6.7 7v4M9.3 7v4",
  pencil: "M3 13l.6-2.8 7.3-7.3 2.2 2.2-7.3 7.3z",
  move: "M1.8 4v8.2h12.4V5.6H7.6L6.2 4zM6 9h4.5M8.8 7.2 10.6 9l-1.8 1.8",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3v10l8-5z",
  stop: "M4 4h8v8H4z",
  retry: "M13 8a5 5 0 1 1-1.6-3.7M13.2 2.2v3h-3",
  activity: "M12.9 6A5.2 5.2 0 0 0 3.6 5M3.1 10a5.2 5.2 0 0 0 9.3 1M3.4 2.4V5H6M12.6 13.6V11H10",
  deliver: "M2 5.2 8 2l6 3.2v5.6L8 14l-6-3.2zM2 5.2l6 3.2 6-3.2M8 8.4V14",
  person: "M8 8a2.7 2.7 0 1 0 0-5.4A2.7 2.7 0 0 0 8 8zM2.8 13.8c.5-2.7 2.5-4 5.2-4s4.7 1.3 5.2 4",
  people: "M6 8a2.4 2.4 0 1 0 0-4.8A2.4 2.4 0 0 0 6 8zM1.5 13.3c.4-2.4 2.1-3.6 4.5-3.6s4.1 1.2 4.5 3.6M10.5 3.5a2.3 2.3 0 0 1 0 4.3M12 9.9c1.4.4 2.2 1.6 2.5 3.4",
  key: "M10.2 9.3a3.6 3.6 0 1 0-3.4-3.4L2 10.6V14h3.2v-1.8h1.7v-1.6zM11.2 4.8v.1",
  gear: "M8 10.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4zM8 1.8v2M8 12.2v2M1.8 8h2M12.2 8h2M3.6 3.6 5 5M11 11l1.4 1.4M12.4 3.6 11 5M5 11l-1.4 1.4",
  machine: "M2 3h12v4H2zM2 9h12v4H2zM4.5 5h.1M4.5 11h.1",
  log: "M3 2.5h10v11H3zM5.5 5.5h5M5.5 8h5M5.5 10.5h3",
  eye: "M1.5 8S4 3.8 8 3.8 14.5 8 14.5 8 12 12.2 8 12.2 1.5 8 1.5 8zM8 9.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6z",
  comment: "M2 3h12v8H7.5L4.5 13.7V11H2z",
  more: "M3.5 8h.1M8 8h.1M12.5 8h.1",
  leave: "M9.5 3H3v10h6.5M6.5 8H14M11.5 5.5 14 8l-2.5 2.5",
  lock: "M3.5 7.2h9v6.3h-9zM5.3 7.2V5a2.7 2.7 0 0 1 5.4 0v2.2",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.8V8l2.3 1.5",
  offline: "M2 2l12 12M1.8 6.3A9 9 0 0 1 4.7 4.5M7.5 3.6a9 9 0 0 1 6.7 2.7M4.2 9.1a5.5 5.5 0 0 1 2.6-1.7M10.3 8a5.5 5.5 0 0 1 1.5 1.1M8 12.3v.1",
  house: "M2.5 13.5V7L8 3l5.5 4v6.5zM6 13.5V9.5h4v4",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9",
  sort_up: "M8 13V3M4.5 6.5 8 3l3.5 3.5",
  sort_down: "M8 3v10M4.5 9.5 8 13l3.5-3.5",
  keyboard: "M1.5 4h13v8h-13zM4 6.5h.1M6.7 6.5h.1M9.3 6.5h.1M12 6.5h.1M5 9.5h6",
  filter: "M2 3.5h12L9.5 8.7v4.5l-3-1.5v-3z",
} as const;

export type IconName = keyof typeof paths;

// Decoration only: what it stands for is said by the text or the label beside it.
export function Icon({ name, size = 16, fill = false }: { name: IconName; size?: number; fill?: boolean }) {
  return (
    <svg width={size} height={size} viewBox="0 0 16 16" fill={fill ? "currentColor" : "none"} stroke="currentColor" stroke-width={name === "more" ? 2 : 1.3} stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
