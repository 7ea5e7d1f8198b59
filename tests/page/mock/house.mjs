/*
 * A house that is not there: serves the built page with the real CSP and answers the API from made-up
 * data, so that the page's states (empty, 50,000 assets, 1,000 renders, failing, slow) can be looked at and tested.
 *   node tests/page/mock/house.mjs BUILD/web PORT [ASSETS [RENDERS]]
 */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { farm as make_farm } from "./farm.mjs";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const id = (kind, n) => {
  let tail = "";
  for (let i = 0; i < 10; i++, n = Math.floor(n / 32)) tail = ALPHABET[n % 32] + tail;
  return ("01JDM0CK" + kind.toUpperCase().replace(/[ILOU]/g, "X") + "0000000000000000").slice(0, 16) + tail;
};
const at = (minutes_ago) => new Date(Date.UTC(2026, 10, 24, 0, 0) - minutes_ago * 60e3).toISOString();
const hash = (text) => createHash("sha256").update(text).digest("hex");
const all_permissions = ["view", "comment", "download", "upload", "edit", "share", "deliver", "manage"];
const fault = (status, kind, title, detail, fix) => ({ type: "about:blank", status, kind, title, detail, fix, reference: "01JDM0CKREFERENCE000000042" });

function picture(n, w = 640, h = 360) {
  const hue = (n * 47) % 360;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}"><defs><linearGradient id="g" x2="0" y2="1"><stop stop-color="hsl(${hue} 25% 35%)"/><stop offset=".55" stop-color="hsl(${(hue + 160) % 360} 35% 55%)"/><stop offset=".56" stop-color="hsl(${hue} 20% 14%)"/><stop offset="1" stop-color="#100c0a"/></linearGradient></defs><rect width="100%" height="100%" fill="url(#g)"/></svg>`;
}

export function house({ page, assets: count = 40, person = true, setup = false, renders = 0, tasks = 100_000 } = {}) {
  const project = { id: id("P", 1), name: "The Long Shore", created: at(90000), role: "owner", permissions: all_permissions, sequence_rate: "24/1", downloads_need: "nothing", version_names: false, burn_names: "nothing", assets: count, bytes: count * 3.2e9 };
  const other = { ...project, id: id("P", 2), name: "Nordic spots, spring campaign with a name that goes on for rather longer than anybody would like", assets: 0, bytes: 0 };
  const maya = { id: id("W", 1), name: "Maya Keller", email: "maya@house.example", admin: true, created: at(90000), disabled: false };
  const folders = ["Dailies", "Day 01", "Day 02", "Cuts", "VFX pulls", "Sound", "Deliverables"].map((name, i) => ({ id: id("F", i), project: project.id, parent: i === 1 || i === 2 ? id("F", 0) : null, name, assets: i * 17 }));
  const state = { fail: null, jobs: [], number: 100, sockets: new Set(), calls: [] };

  const asset = (n) => {
    const kind = n % 11 === 5 ? "sound" : n % 13 === 7 ? "sequence" : n % 17 === 9 ? "document" : n % 19 === 4 ? "still" : "clip";
    const failed = n % 23 === 3;
    const making = n === 0 || n === 2;
    const ending = { clip: ".mov", sound: ".wav", sequence: ".[1001-1240].exr", document: ".pdf", still: ".tif" }[kind];
    const long = n === 6 ? "_a_name_that_somebody_made_much_too_long_on_purpose_with_everything_in_it_v0012_FINAL_final_2" : "";
    const name = `A${String(1 + (n % 9)).padStart(3, "0")}_C${String(n + 1).padStart(5, "0")}${n === 8 ? " Größe, 日本語 & spaces" : ""}${long}${ending}`;
    const v = id("V", n);
    const frames = 240 + ((n * 977) % 9000);
    const facts = failed || making || kind === "document" ? null : {
      container: kind === "sound" ? "wav" : "mov", kind, duration_frames: frames, rate: kind === "sound" ? "48000/1" : n % 5 ? "24000/1001" : "25/1", vfr: false, rate_from: "container",
      timecode: { start: `01:${String(n % 60).padStart(2, "0")}:12:04`, start_frame: 86400, base: 24, frames_per_label: 1, drop: false, from: "tmcd" },
      video: kind === "sound" ? [] : [{ index: 0, codec: "prores", profile: "HQ", width: 3840, height: 2160, display_width: 3840, display_height: 2160, pixel_aspect: "1:1", rotation: 0, field_order: "progressive", pixel_format: "yuv422p10le", bits: 10, chroma: "4:2:2", primaries: "bt2020", transfer: "smpte2084", matrix: "bt2020nc", range: "tv", hdr: { max_cll: 1000, max_fall: 400, mastering: "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)", dolby_vision: false }, bit_rate: 734e6, language: null }],
      audio: [{ index: 1, codec: "pcm_s24le", sample_rate: 48000, bits: 24, channels: 6, layout: "5.1(side)", language: "eng", duration_samples: frames * 2002, title: null }],
      captions: n % 4 ? [] : [{ index: 2, kind: "608", language: "eng", channels: "CC1" }],
      sequence: kind === "sequence" ? { first: 1001, last: 1240, count: 238, missing: [1044, 1045], padding: 4, pattern: "A_C.%04d.exr" } : null,
      damage: n % 29 === 10 ? [{ where: "picture", what: "the frame cannot be decoded and was concealed", frame: 311 }] : [],
      sprite: kind === "clip" ? { width: 160, height: 90, columns: 10, rows: 10, every_frames: 24, count: 60 } : null, duration_text: `00:0${n % 6}:${String(n % 60).padStart(2, "0")}:11`, tags: {},
    };
    const media = (k, file) => ({ kind: k, name: file, size: 1000, growing: false, url: `/mock/${k}/${n}.svg` });
    return {
      id: id("A", n), project: project.id, folder: n % 3 ? null : folders[n % folders.length].id, name, kind, created: at(n * 7), by: "Maya Keller", versions: 1, comments: n % 7 ? 0 : n % 20, open_comments: n % 7 ? 0 : n % 9, deleted: false,
      version: { id: v, asset: id("A", n), number: 1, created: at(n * 7), by: "Maya Keller", size: 1e6 + ((n * 7919) % 9973) * 3e6, status: ["none", "none", "approved", "changes", "review"][n % 5], file_count: kind === "sequence" ? 238 : 1, content: hash(name), state: failed ? "failed" : making ? "proxying" : "ready", facts,
        problem: failed ? fault(422, "media", `${name} cannot be read`, "the file ends in the middle of its index (moov box: 4,118 of 9,664 bytes)", "copy it from the card again and drop it here; the rest of the card is untouched") : null,
        derived: facts && kind !== "sound" ? [media("poster", "poster.jpg"), ...(facts.sprite ? [media("sprites", "sprite-0000.jpg")] : [])] : [], job: id("J", n), progress: making ? 0.42 : null },
    };
  };
  const list = Array.from({ length: count }, (_, n) => asset(n));
  state.list = list;
  for (let n = 0; n < Math.min(count, 60); n++) {
    const s = n < 3 ? "running" : n < 9 ? "waiting" : n % 9 === 3 ? "failed" : n % 13 === 5 ? "cancelled" : "done";
    state.jobs.push({ id: id("J", n), project: project.id, kind: n % 3 ? "proxy" : "probe", title: `${n % 3 ? "Proxies of" : "Facts of"} ${list[n].name}`, state: s, priority: n === 4 ? 100 : 50, tier: 6, progress: s === "running" ? 0.42 : s === "done" ? 1 : 0, done: 120, total: 288, unit: "frames", rate: s === "running" ? 88 : null, left_s: s === "running" ? 74 : null, created: at(n * 3), started: at(n * 3 - 1), ended: s === "running" || s === "waiting" ? null : at(n), asset: list[n].id, version: list[n].version.id, attempts: 1, problem: s === "failed" ? list[3]?.version.problem : null, by: "Maya Keller", counts: { waiting: 0, ready: 0, running: 0, done: 0, failed: 0, cancelled: 0, [s]: 1 } });
  }
  const farm = make_farm({ id, at, project, other, fault, jobs: renders, tasks });
  state.farm = farm;
  const deliveries = count ? [0, 1, 2].map((n) => ({ id: id("D", n), version: list[1].version.id, asset: list[1].id, project: project.id, profile: ["prores-422-hq-mov", "web-h264-1080p", "wav-48k24"][n], name: `A002_C00002_${n}.mov`, state: ["done", "running", "failed"][n], size: n ? null : 4.2e9, content: n ? null : hash("d"), files: [], job: id("J", 0), created: at(30), by: "Maya Keller", problem: n === 2 ? fault(507, "no_space", "The delivery could not be written", "the volume has 1.2 GB free, this needs 4.2 GB", "free space, or add a volume") : null,
    checks: n ? [] : [{ what: "rate", wanted: "24000/1001", seen: "24000/1001", ok: true }, { what: "start timecode", wanted: "01:01:12:04", seen: "01:01:12:04", ok: true }, { what: "transfer", wanted: "bt709", seen: "smpte2084", ok: false }] })) : [];
  const me = () => ({ person: state.person ? maya : null, share: null, csrf: "csrf", house: "Posthouse", version: "0.1.0", media: "", setup_needed: setup && !state.person, secure: false, projects: state.person ? [project, other] : [] });
  state.person = person && !setup;

  const send_frame = (socket, value) => {
    const text = Buffer.from(JSON.stringify(value));
    const head = text.length < 126 ? Buffer.from([0x81, text.length]) : text.length > 65535 ? Buffer.from([0x81, 127, 0, 0, 0, 0, text.length >> 24, (text.length >> 16) & 255, (text.length >> 8) & 255, text.length & 255]) : Buffer.from([0x81, 126, text.length >> 8, text.length & 255]);
    socket.write(Buffer.concat([head, text]));
  };
  state.news = (kind, subject, body) => {
    const event = { number: ++state.number, at: new Date().toISOString(), kind, project: project.id, subject, body };
    for (const s of state.sockets) send_frame(s, event);
  };

  const answer = async (request, url, body) => {
    const path = url.pathname.replace("/api/v1", "");
    const m = (pattern) => pattern.exec(path);
    const verb = request.method;
    const json = () => JSON.parse(body.toString() || "{}");
    if (state.fail && path.includes(state.fail.path)) return [state.fail.problem.status, state.fail.problem];
    if (path === "/me") return [200, me()];
    if (path === "/session" && verb === "POST") {
      if (json().password === "slow down") return [429, fault(429, "rate", "Too many tries", "ten wrong passwords in a minute from your address", "wait 40 seconds, then try again")];
      if (json().password !== "correct horse") return [401, fault(401, "denied", "The e-mail or the password is wrong", "no account has this pair", "try again, or ask an administrator for a new link")];
      state.person = true;
      return [200, me()];
    }
    if (path === "/session") return (state.person = false), [200, {}];
    if (path === "/setup" || path === "/welcome") return (state.person = true), [200, me()];
    if (!state.person) return [401, fault(401, "login", "You are not logged in", "the session has ended", "log in")];
    if (path === "/projects" && verb === "POST") return [200, { ...project, id: id("P", 9), name: json().name }];
    if (m(/^\/projects\/[^/]+\/cards$/)) return [200, []];
    if (m(/^\/projects\/[^/]+\/folders$/)) {
      if (verb === "POST") folders.push({ id: id("F", folders.length), project: project.id, parent: json().parent || null, name: json().name, assets: 0 });
      return [200, verb === "POST" ? folders[folders.length - 1] : folders];
    }
    if (m(/\/assets\/(delete|restore|move)$/)) {
      const { ids, folder } = json();
      for (const a of list) if (ids.includes(a.id)) path.endsWith("move") ? (a.folder = folder || null) : (a.deleted = path.endsWith("delete"));
      return [200, { count: ids.length }];
    }
    if (m(/^\/projects\/[^/]+\/assets$/)) {
      if (path.includes(other.id)) return [200, { items: [], cursor: null, total: 0 }];
      const q = (url.searchParams.get("q") ?? "").toLowerCase();
      const folder = url.searchParams.get("folder");
      const kind = url.searchParams.get("kind");
      const found = list.filter((a) => !a.deleted && (!q || a.name.toLowerCase().includes(q)) && (!kind || a.kind === kind) && (!folder || (folder === "top" ? !a.folder : a.folder === folder)));
      const sort = url.searchParams.get("sort");
      if (sort === "name") found.sort((a, b) => (a.name < b.name ? -1 : 1));
      if (sort === "size") found.sort((a, b) => a.version.size - b.version.size);
      if (sort !== "created" && url.searchParams.get("order") === "desc") found.reverse();
      const from = Number(url.searchParams.get("offset") ?? 0);
      return [200, { items: found.slice(from, from + Number(url.searchParams.get("limit") ?? 100)), cursor: null, total: found.length }];
    }
    if (m(/^\/assets\/([^/]+)$/)) {
      const a = list.find((x) => path.endsWith(x.id));
      if (!a) return [404, fault(404, "missing", "There is no such asset", "it was deleted, or you may not see it", "go to the library")];
      if (verb === "PATCH") Object.assign(a, json());
      return [200, a];
    }
    if (m(/^\/assets\/[^/]+\/versions$/)) return [200, [list.find((x) => path.includes(x.id)).version]];
    if (m(/^\/assets\/[^/]+\/transcode$/)) return [200, { original: false, attached: null, candidates: [], claims: [] }];
    if (m(/^\/assets\/[^/]+\/came$/)) return [200, { came: null }];
    if (m(/\/comments$/)) return [200, []];
    if (m(/\/(fields|values|searches|waiting-notes)$/)) return [200, []];
    if (m(/^\/versions\/[^/]+$/)) return [200, list.find((x) => path.endsWith(x.version.id))?.version];
    if (m(/^\/versions\/[^/]+\/deliveries$/)) return [200, deliveries[1]];
    if (m(/^\/projects\/[^/]+\/transfers$/)) return verb === "POST" ? [201, { id: id("Y", state.calls.length), project: project.id, ...json() }] : [200, []];
    if (/^\/projects\/[^/]+\/growing$/.test(path)) return [200, state.growing ?? []];
    if (path === "/jobs") {
      const ask = (name) => url.searchParams.get(name);
      const states = (ask("state") ?? "active,ended").replace("active", "waiting,running,suspended,stopped,approval").replace("ended", "done,failed,cancelled").split(",");
      const kind = ask("kind");
      const found = [...farm.jobs, ...state.jobs].filter((j) => states.includes(j.state) && (!ask("project") || j.project === ask("project")) && (!kind || (j.kind === "render") === (kind === "render")) && (!ask("by") || j.by === ask("by")) && `${j.title} ${j.by} ${j.id}`.toLowerCase().includes((ask("q") ?? "").toLowerCase()));
      if (ask("order") === "turn") found.sort((a, b) => (a.ended && b.ended ? (a.ended < b.ended ? 1 : -1) : b.tier - a.tier || b.priority - a.priority || (a.id < b.id ? -1 : 1)));
      const from = Number(ask("cursor") ?? 0);
      const items = found.slice(from, from + Number(ask("limit") ?? 100));
      return [200, { items: items.map((j) => (j.kind === "render" ? farm.listed(j) : j)), cursor: from + items.length < found.length ? String(from + items.length) : null, total: found.length }];
    }
    const of_farm = farm.answer(verb, path, url, json);
    if (of_farm) return of_farm;
    if (m(/^\/jobs\/[^/]+/)) {
      const j = state.jobs.find((x) => path.includes(x.id));
      if (path.endsWith("cancel")) j.state = "cancelled";
      if (path.endsWith("retry")) j.state = "waiting";
      if (verb === "PATCH") j.priority = json().priority;
      return [200, j];
    }
    if (m(/\/deliveries$/)) return [200, path.includes(other.id) ? [] : deliveries];
    if (/^\/versions\/[^/]+\/colour$/.test(path)) return [200, { version: path.split("/")[2], colour: { primaries: "bt709", transfer: "bt709", matrix: "bt709", range: "tv", stated: true }, transform: null, name: null, from: null, by: null, at: null, sets: [{ transform: null, name: null, state: "ready", shown: true, job: null, table: null, derived: [] }] }];
    if (/^\/versions\/[^/]+\/readiness$/.test(path)) return [200, [["prores-422-hq-mov", "ProRes 422 HQ", "ready"], ["web-h264-1080p", "Web H.264 1080p", "ready"], ["as11-uk-dpp-hd", "AS-11 UK DPP HD", "checks"], ["netflix-nonbranded-prores", "Netflix, non-branded", "no"]].map(([name, title, state]) => ({ name, title, state, description: "Same size, rate, start timecode and colour as the master.", container: "mov", standing: state === "ready" ? "" : "unconfirmed", checks_only: state === "checks" ? "checks only: can not be made until the house writes MXF itself" : null, source: state === "ready" ? null : { title: "The outlet's specification", date: "2026-11-23", clause: "4.2" }, notes: ["encoder: FFmpeg, not authorised by Apple; some outlets refuse it"], loudness: null, captions: null, fit: [{ what: "picture", wanted: "there", seen: "there", state: "ok", fix: null }, ...(state === "no" ? [{ what: "bit depth", wanted: "at least 10 bits", seen: "8 bits", state: "no", fix: "supply the master at its full depth" }, { what: "sound: 5.1", wanted: "6 channels", seen: "none", state: "no", fix: "lay the mix on a track of its own" }] : [])] }))];
    if (m(/\/members$/)) return [200, [{ person: maya, role: "owner" }, { person: { ...maya, id: id("W", 2), name: "Dirk Iversen", email: "dirk@studio.example", admin: false }, role: "reviewer" }]];
    if (m(/\/shares$/)) return [200, verb === "POST" ? { ...json(), id: id("S", 1), project: project.id, password: !!json().password, kind: "review", folders: 0, most_uses: 0, message: "", created: at(0), by: "Maya Keller", uses: 0, revoked: false, url: "/s/k3yk3yk3yk3yk3yk3yk3yk3yk3yk3yk3yk3yk3yk3y" } : count ? [{ id: id("S", 1), project: project.id, title: "Reel 2 for the director", kind: "review", folders: 0, most_uses: 0, message: "", assets: list.slice(0, 3).map((a) => a.id), permission: "comment", download: false, expires: at(-9000), password: true, created: at(600), by: "Maya Keller", uses: 14, revoked: false }] : []];
    if (path === "/tokens") return [200, verb === "POST" ? { token: { id: id("T", 2), name: json().name, scope: json().scope, created: at(0) }, secret: "s3cret" } : [{ id: id("T", 1), name: "DIT cart", scope: "all", created: at(9000), expires: at(-90000), last_used: at(12) }]];
    if (path === "/sessions") return [200, [{ id: id("Q", 1), device: "Firefox 128 on Windows", address: "10.0.0.12", created: at(9000), seen: at(0), expires: at(-9000), factor: true, this: true }, { id: id("Q", 2), device: "Safari 17 on iPad", address: "2001:db8:85a3::8a2e:370:7334", created: at(19000), seen: at(800), expires: at(-9000), factor: false, this: false }]];
    if (path === "/factor") return [201, { secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", uri: "otpauth://totp/Posthouse:maya%40studio.example?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Posthouse" }];
    if (path === "/people") return [200, verb === "POST" ? { person: { ...maya, ...json() }, link: "/welcome#w3lcome" } : [maya, { ...maya, id: id("W", 2), name: "Dirk Iversen", email: "dirk@studio.example", admin: false }, { ...maya, id: id("W", 3), name: "Oona Laine", email: "oona@old.example", admin: false, disabled: true }]];
    if (path === "/audit") return [200, { items: Array.from({ length: 40 }, (_, n) => ({ number: 900 - n, at: at(n * 11), person: "Maya Keller", address: "10.0.0.12", device: "Firefox 128 on Windows", action: ["session.made", "asset.deleted", "share.made"][n % 3], subject: id("A", n), detail: "" })), cursor: "more" }];
    return [404, fault(404, "missing", "The mock has no such address", path, "write it")];
  };

  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://house");
    const parts = [];
    request.on("data", (p) => parts.push(p));
    request.on("end", async () => {
      const body = Buffer.concat(parts);
      state.calls.push(`${request.method} ${request.url}`);
      const security = { "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'", "X-Content-Type-Options": "nosniff" };
      if (url.pathname === "/health/live") return response.writeHead(200).end("live");
      if (url.pathname.startsWith("/mock/")) {
        const n = Number(/\d+/.exec(url.pathname)[0]);
        return response.writeHead(200, { "Content-Type": "image/svg+xml" }).end(url.pathname.includes("sprites") ? picture(n + 20, 1600, 900) : picture(n));
      }
      if (url.pathname.startsWith("/api/")) {
        if (state.slow_ms) await new Promise((done) => setTimeout(done, state.slow_ms));
        if (request.method !== "GET" && me().person && request.headers["x-csrf"] !== "csrf" && !/session|setup|welcome/.test(url.pathname)) return response.writeHead(403).end();
        const [status, value] = await answer(request, url, body);
        return response.writeHead(status, { ...security, "Content-Type": status >= 400 ? "application/problem+json" : "application/json" }).end(JSON.stringify(value));
      }
      const manifest = JSON.parse(readFileSync(join(page, "manifest.json")));
      const file = manifest.files[url.pathname];
      if (file && existsSync(join(page, url.pathname))) return response.writeHead(200, { ...security, "Content-Type": file.type }).end(readFileSync(join(page, url.pathname)));
      if (/\.[a-z0-9]+$/i.test(url.pathname)) return response.writeHead(404).end();
      response.writeHead(200, { ...security, "Content-Type": "text/html; charset=utf-8" }).end(readFileSync(join(page, "index.html")));
    });
  });
  server.on("upgrade", (request, socket) => {
    const accept = createHash("sha1").update(request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    state.sockets.add(socket);
    socket.on("data", () => send_frame(socket, { now: state.number }));
    socket.on("close", () => state.sockets.delete(socket));
    socket.on("error", () => state.sockets.delete(socket));
  });
  return {
    state, project, other, list, server,
    listen: (port) => new Promise((done) => server.listen(port, "127.0.0.1", () => done(`http://127.0.0.1:${server.address().port}`))),
    close: () => { for (const s of state.sockets) s.destroy(); server.closeAllConnections?.(); server.close(); },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const it = house({ page: process.argv[2], assets: Number(process.argv[4] ?? 4000), renders: Number(process.argv[5] ?? 0) });
  console.log(await it.listen(Number(process.argv[3] ?? 0)));
}
