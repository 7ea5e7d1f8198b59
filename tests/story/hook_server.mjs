// Hears webhooks: hook_server.mjs FOLDER SECRETFILE. Prints its port; writes a line of JSON a call into FOLDER/heard; refuses
// the first two with 503; works out the signature by itself.
import { createHmac } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const [folder, secret] = process.argv.slice(2);
let calls = 0;
const server = createServer((req, res) => {
  const pieces = [];
  req.on("data", (d) => pieces.push(d));
  req.on("end", () => {
    const body = Buffer.concat(pieces).toString(), m = /^t=(\d+),v1=([0-9a-f]+)$/.exec(req.headers["posthouse-signature"] ?? "");
    const key = existsSync(secret) ? readFileSync(secret, "utf8").trim() : "";
    const good = m && createHmac("sha256", key).update(`${m[1]}.${body}`).digest("hex") === m[2];
    const status = ++calls <= 2 ? 503 : good ? 200 : 401;
    appendFileSync(join(folder, "heard"), JSON.stringify({ status, good, id: req.headers["posthouse-notice"], event: JSON.parse(body).event }) + "\n");
    res.writeHead(status);
    res.end();
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
