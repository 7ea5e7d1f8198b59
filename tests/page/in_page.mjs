/*
 * What runs inside the page to drive its player and read what it shows: keys and entries as a person's, the frame from the
 * bars in the picture (player_clips.mjs) whatever the page says. Given to the page by page.evaluate(hands); then there are
 *   seen()            the number in the bars of the picture on the screen
 *   now()             { frame, shown, from } as the page says
 *   until(condition)  asks each millisecond; the answer is how many it took
 *   key(name)         presses a key; go(text) types a timecode ("=" and Enter), or "f117" for a frame
 *   rest(frame)       until the frame is shown
 */
export function hands() {
  const line = new OffscreenCanvas(1280, 1).getContext("2d", { willReadFrequently: true });
  const box = () => document.querySelector(".picture[data-frame]");
  const bars = (el) => {
    const w = el.videoWidth || el.width;
    const h = el.videoHeight || el.height;
    line.drawImage(el, 0, h * 0.05, w, 1, 0, 0, 1280, 1);
    const { data } = line.getImageData(0, 0, 1280, 1);
    let n = 0;
    for (let bit = 0; bit < 16; bit++) if (data[Math.floor((bit + 0.5) * 80) * 4 + 1] > 127) n += 2 ** bit;
    return n;
  };
  const now = () => {
    const b = box();
    return b ? { frame: Number(b.dataset.frame), shown: Number(b.dataset.shown), from: b.dataset.from } : { frame: -1, shown: -1, from: "" };
  };
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  const until = (ask, ms = 20_000) => new Promise((done, no) => {
    const began = performance.now();
    // A message comes back sooner than a timer, which the browser slows to 4 ms when it is asked again and again.
    const line_of = new MessageChannel();
    const look = () => {
      if (ask()) done(performance.now() - began);
      else if (performance.now() - began > ms) no(new Error(`waited ${ms} ms for ${ask}; the page says ${JSON.stringify(now())}: ${document.querySelector(".review-say")?.textContent ?? ""}`));
      else setTimeout(() => line_of.port2.postMessage(0), 1);
    };
    line_of.port1.onmessage = look;
    look();
  });
  const key = (name, more = {}) => {
    const code = name === " " ? "Space" : name;
    (document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent("keydown", { key: name, code, bubbles: true, cancelable: true, ...more }));
    (document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent("keyup", { key: name, code, bubbles: true, ...more }));
  };
  const go = async (text) => {
    key("=");
    await until(() => document.querySelector(".review-tc input"));
    const field = document.querySelector(".review-tc input");
    field.value = text;
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    await sleep(0); // the page takes it in
    const began = performance.now();
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    return began;
  };
  const rest = (n, from) => until(() => now().shown === n && now().frame === n && (!from || now().from === from));
  const seen = () => bars(box().classList.contains("by-video") ? box().querySelector("video") : box().querySelector("canvas"));
  Object.assign(window, { bars, box, now, sleep, until, key, go, rest, seen });
}
