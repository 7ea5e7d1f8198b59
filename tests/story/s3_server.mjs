// A small S3 for tests: s3_server.mjs FOLDER. Prints its port. It works out the signature of each request by itself (AWS
// Signature 4), compares what arrives with x-amz-content-sha256, and answers as S3 does: PUT, GET, HEAD, DELETE and
// multipart uploads of one bucket's objects. Files in FOLDER steer it: "fail-parts" (a number: so many parts fail with
// 500), "slow-ms" (each part takes so long), "damage" (what is stored is changed), "odd-etags" (no MD5s).
import { createHash, createHmac, randomBytes } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const folder = process.argv[2], keys = { TESTKEY: "TESTSECRET" }, bucket = "masters";
const objects = new Map(), uploads = new Map();
const steer = (name) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8").trim() : "");
const hash = (how, data) => createHash(how).update(data).digest("hex");
const hmac = (key, text) => createHmac("sha256", key).update(text).digest();
const enc = (t) => encodeURIComponent(t).replace(/[!'()*]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase());

function signed(req, url, body) {
  const m = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d+)\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)$/.exec(req.headers.authorization ?? "");
  if (!m) return "AccessDenied";
  const [, key, day, region, names, signature] = m;
  if (!keys[key]) return "InvalidAccessKeyId";
  for (const must of ["host", "x-amz-date", "x-amz-content-sha256"]) if (!names.split(";").includes(must)) return "AccessDenied";
  const query = [...url.searchParams].map(([k, v]) => [enc(k), enc(v)]).sort((a, b) => (a[0] < b[0] ? -1 : 1)).map((p) => p.join("=")).join("&");
  const headers = names.split(";").map((n) => `${n}:${String(req.headers[n]).trim().replace(/ +/g, " ")}\n`).join("");
  const path = decodeURIComponent(url.pathname).split("/").map(enc).join("/");
  const sum = req.headers["x-amz-content-sha256"];
  const canonical = [req.method, path, query, headers, names, sum].join("\n");
  const text = ["AWS4-HMAC-SHA256", req.headers["x-amz-date"], `${day}/${region}/s3/aws4_request`, hash("sha256", canonical)].join("\n");
  const sign = hmac(hmac(hmac(hmac(hmac("AWS4" + keys[key], day), region), "s3"), "aws4_request"), text).toString("hex");
  if (sign !== signature) return "SignatureDoesNotMatch";
  return sum === hash("sha256", body) ? "" : "XAmzContentSHA256Mismatch";
}

const etag = (data) => (steer("odd-etags") ? "kms-" + randomBytes(9).toString("hex") : hash("md5", data));
function store(key, data, tag, req) {
  if (steer("damage")) { data = Buffer.from(data); data[data.length >> 1] ^= 1; }
  objects.set(key, { data, tag, meta: req["x-amz-meta-sha256"] ?? "" });
  writeFileSync(join(folder, "last"), data);
  appendFileSync(join(folder, "log"), `stored ${key}\n`);
}

async function answer(req, url, body) {
  const key = decodeURIComponent(url.pathname).slice(bucket.length + 2), q = url.searchParams, id = q.get("uploadId");
  if (!url.pathname.startsWith(`/${bucket}/`)) return [404, {}, "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>"];
  if (id && !uploads.has(id)) return [404, {}, "<Error><Code>NoSuchUpload</Code><Message>It is not there</Message></Error>"];
  if (req.method === "POST" && q.has("uploads")) {
    const made = randomBytes(20).toString("base64url") + "/+=";
    uploads.set(made, { key, parts: new Map(), headers: req.headers });
    appendFileSync(join(folder, "log"), "began\n");
    return [200, {}, `<InitiateMultipartUploadResult><UploadId>${made}</UploadId></InitiateMultipartUploadResult>`];
  }
  if (req.method === "PUT" && id) {
    const left = Number(steer("fail-parts"));
    if (left > 0) { writeFileSync(join(folder, "fail-parts"), String(left - 1)); return [500, {}, "<Error><Code>InternalError</Code></Error>"]; }
    await new Promise((done) => setTimeout(done, Number(steer("slow-ms"))));
    if (!uploads.has(id)) return [404, {}, "<Error><Code>NoSuchUpload</Code></Error>"]; // given up meanwhile
    const tag = etag(body);
    uploads.get(id).parts.set(Number(q.get("partNumber")), { body, tag });
    appendFileSync(join(folder, "log"), `part ${q.get("partNumber")}\n`);
    return [200, { etag: `"${tag}"` }, ""];
  }
  if (req.method === "POST" && id) {
    const upload = uploads.get(id), wanted = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>"([^"]+)"<\/ETag>/g)];
    const parts = wanted.map(([, n, tag]) => ({ ...upload.parts.get(Number(n)), wanted: tag }));
    if (!parts.length || parts.some((p) => p.tag !== p.wanted)) return [200, {}, "<Error><Code>InvalidPart</Code><Message>A part is not the one that was sent</Message></Error>"];
    const whole = Buffer.concat(parts.map((p) => p.body));
    const tag = steer("odd-etags") ? etag(whole) : `${hash("md5", Buffer.concat(parts.map((p) => Buffer.from(p.tag, "hex"))))}-${parts.length}`;
    store(upload.key, whole, tag, upload.headers);
    uploads.delete(id);
    return [200, {}, "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>"];
  }
  if (req.method === "PUT") { const tag = etag(body); store(key, body, tag, req.headers); return [200, { etag: `"${tag}"` }, ""]; }
  if (req.method === "DELETE" && id) {
    uploads.delete(id);
    appendFileSync(join(folder, "log"), "aborted\n");
    return [204, {}, ""];
  }
  if (req.method === "DELETE") { objects.delete(key); return [204, {}, ""]; }
  const o = objects.get(key);
  return o ? [200, { etag: `"${o.tag}"`, "x-amz-meta-sha256": o.meta, "content-length": o.data.length }, o.data] : [404, {}, "<Error><Code>NoSuchKey</Code></Error>"];
}

const server = createServer((req, res) => {
  const pieces = [];
  req.on("data", (d) => pieces.push(d));
  req.on("end", async () => {
    const body = Buffer.concat(pieces), url = new URL(req.url, "http://x"), bad = signed(req, url, body);
    const [status, headers, text] = bad ? [403, {}, `<Error><Code>${bad}</Code><Message>no</Message></Error>`] : await answer(req, url, body);
    res.writeHead(status, headers);
    res.end(req.method === "HEAD" ? undefined : text);
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
