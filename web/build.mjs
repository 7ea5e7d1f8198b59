// Builds the page: node build.mjs OUT [--types api-types.ts] [--depfile page.d] [--check]
//
// OUT gets index.html, assets/NAME-HASH.ext (never change, cache for ever), a .gz beside each text and
// manifest.json: {"files": {"/assets/...": {"size", "type", "immutable"}, ...}}: what a server may hand out.
// A style sheet that belongs to a view loaded later is imported as "./x.css?url" and gives its address.
import * as esbuild from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync, existsSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const args = process.argv.slice(2);
const option = (name) => {
  const at = args.indexOf(name);
  return at < 0 ? null : args.splice(at, 2)[1];
};
const flag = (name) => {
  const at = args.indexOf(name);
  return at >= 0 && args.splice(at, 1).length > 0;
};
const types = option("--types");
const depfile = option("--depfile");
const check = flag("--check");
if (args[0]?.startsWith("-")) {
  console.error(`build.mjs: there is no option ${args[0]}; usage: node build.mjs OUT [--types FILE] [--depfile FILE] [--check]`);
  process.exit(2);
}
const out = resolve(args[0] ?? join(here, "../build/web"));

const style_inputs = new Set();
const styles_by_address = {
  name: "styles-by-address",
  setup(build) {
    build.onResolve({ filter: /\.css\?url$/ }, (a) => ({
      path: resolve(a.resolveDir, a.path.replace(/\?url$/, "")),
      namespace: "style-address",
    }));
    build.onLoad({ filter: /.*/, namespace: "style-address" }, async (a) => {
      const made = await esbuild.build({
        entryPoints: [a.path],
        bundle: true,
        minify: true,
        write: false,
        metafile: true,
        target: ["chrome110", "firefox115", "safari16.4"],
      });
      for (const input of Object.keys(made.metafile.inputs)) style_inputs.add(resolve(input));
      return { contents: made.outputFiles[0].contents, loader: "file", watchFiles: [a.path] };
    });
  },
};

const kinds = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".map": "application/json",
  ".webmanifest": "application/manifest+json",
  ".png": "image/png",
  ".wasm": "application/wasm",
};
const ending = (name) => /\.[a-z]+$/.exec(name)?.[0] ?? "";

rmSync(join(out, "assets"), { recursive: true, force: true });
mkdirSync(join(out, "assets"), { recursive: true });

const made = await esbuild.build({
  absWorkingDir: here,
  entryPoints: { page: "app/main.tsx" },
  outdir: join(out, "assets"),
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  publicPath: "/assets/",
  bundle: true,
  splitting: true,
  format: "esm",
  minify: true,
  legalComments: "none",
  metafile: true,
  target: ["chrome110", "firefox115", "safari16.4"],
  loader: { ".svg": "file" },
  define: { "process.env.NODE_ENV": '"production"' },
  // The dynamic module graph also holds workers: new Worker(new URL("./x.ts", import.meta.url)) is
  // not followed by esbuild, so that a worker is an entry of its own, named in "workers" below.
  plugins: [styles_by_address, workers()],
  logLevel: "warning",
});

// Makes `import address from "./x.ts?worker"` give the address of x.ts bundled as a module worker.
function workers() {
  return {
    name: "workers",
    setup(build) {
      build.onResolve({ filter: /\?worker$/ }, (a) => ({
        path: resolve(a.resolveDir, a.path.replace(/\?worker$/, "")),
        namespace: "worker-address",
      }));
      build.onLoad({ filter: /.*/, namespace: "worker-address" }, async (a) => {
        const inner = await esbuild.build({
          entryPoints: [a.path],
          bundle: true,
          minify: true,
          write: false,
          metafile: true,
          format: "esm",
          target: ["chrome110", "firefox115", "safari16.4"],
        });
        for (const input of Object.keys(inner.metafile.inputs)) style_inputs.add(resolve(input));
        const text = inner.outputFiles[0].contents;
        const hash = createHash("sha256").update(text).digest("hex").slice(0, 8).toUpperCase();
        const name = `${a.path.split("/").pop().replace(/\.tsx?$/, "")}-${hash}.js`;
        writeFileSync(join(out, "assets", name), text);
        return { contents: `export default ${JSON.stringify("/assets/" + name)}`, loader: "js" };
      });
    },
  };
}

const outputs = Object.entries(made.metafile.outputs);
const entry = outputs.find(([, o]) => o.entryPoint === "app/main.tsx");
const asset = (path) => "/assets/" + path.split("/").pop();
// What the entry imports at once is asked for together with it: no second round trip.
const first = new Set();
(function follow(path) {
  for (const i of made.metafile.outputs[path]?.imports ?? [])
    if (i.kind === "import-statement" && !first.has(i.path)) {
      first.add(i.path);
      follow(i.path);
    }
})(entry[0]);

const icon = readFileSync(join(here, "style/icon.svg"));
const icon_name = `icon-${createHash("sha256").update(icon).digest("hex").slice(0, 8).toUpperCase()}.svg`;
writeFileSync(join(out, "assets", icon_name), icon);

const head = [
  entry[1].cssBundle ? `<link rel="stylesheet" href="${asset(entry[1].cssBundle)}">` : "",
  ...[...first].map((p) => `<link rel="modulepreload" href="${asset(p)}">`),
  `<script type="module" src="${asset(entry[0])}"></script>`,
  `<link rel="icon" href="/assets/${icon_name}">`,
].join("\n    ");
const html = readFileSync(join(here, "index.html"), "utf8").replace("<!-- page -->", head);
writeFileSync(join(out, "index.html"), html);

const files = {};
const list = (name, immutable) => {
  const bytes = readFileSync(join(out, name));
  const type = kinds[ending(name)] ?? "application/octet-stream";
  files["/" + name] = { size: bytes.length, type, immutable };
  if (/text|json|svg|javascript/.test(type)) writeFileSync(join(out, name + ".gz"), gzipSync(bytes, { level: 9 }));
};
list("index.html", false);
for (const name of readdirSync(join(out, "assets")).sort()) list("assets/" + name, true);
const first_load = [entry[0], entry[1].cssBundle, ...first]
  .filter(Boolean)
  .map((p) => join(out, "assets", p.split("/").pop() + ".gz"))
  .concat(join(out, "index.html.gz"))
  .reduce((sum, p) => sum + readFileSync(p).length, 0);
writeFileSync(join(out, "manifest.json"), JSON.stringify({ first_load_gzip_bytes: first_load, files }, null, 1) + "\n");
console.log(`page: first load ${(first_load / 1024).toFixed(1)} KB gzipped`);

if (depfile) {
  const inputs = new Set([...style_inputs, join(here, "index.html"), join(here, "style/icon.svg")]);
  for (const input of Object.keys(made.metafile.inputs)) {
    const path = resolve(here, input.replace(/^[a-z-]+:/, ""));
    if (existsSync(path)) inputs.add(path);
  }
  const escape = (p) => p.replace(/ /g, "\\ ");
  writeFileSync(depfile, `${escape(join(out, "manifest.json"))}: ${[...inputs].map(escape).join(" ")}\n`);
}

if (check) {
  const config = join(out, "tsconfig.check.json");
  const at = (p) => relative(out, join(here, p));
  writeFileSync(
    config,
    JSON.stringify({
      extends: at("tsconfig.json"),
      compilerOptions: { paths: { "api-types": [relative(out, resolve(types ?? join(here, "api-types.ts")))] } },
      include: [at("**/*.ts"), at("**/*.tsx")],
      exclude: [at("node_modules"), at("api-types.ts")],
    }),
  );
  const tsc = spawnSync(process.execPath, [join(here, "node_modules/typescript/bin/tsc"), "-p", config], {
    stdio: "inherit",
  });
  process.exit(tsc.status ?? 1);
}
