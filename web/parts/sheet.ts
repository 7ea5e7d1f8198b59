// Loads the style sheet of a view that is opened later (import url from "./x.css?url"); once.
const loaded = new Map<string, Promise<void>>();

export function load_sheet(address: string): Promise<void> {
  const known = loaded.get(address);
  if (known) return known;
  const made = new Promise<void>((done) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = address;
    link.onload = () => done();
    link.onerror = () => done(); // an unstyled view is better than none
    document.head.append(link);
  });
  loaded.set(address, made);
  return made;
}
