// tus.mjs TOP URL TOKEN TRANSFER FILE NAME: brings a file in with tus-js-client, as the page does; stops in the middle
// and goes on with a new upload that knows only the address.
import { createRequire } from "node:module";
import fs from "node:fs";
const [top, url, token, transfer, file, name] = process.argv.slice(2);
const tus = createRequire(top + "/web/package.json")("tus-js-client");
const bytes = fs.readFileSync(file);
const options = {
  endpoint: url + "/api/v1/uploads",
  headers: { Authorization: "Bearer " + token },
  metadata: { transfer, path: name, modified: new Date(0).toISOString() },
  chunkSize: 3_000_000,
  retryDelays: [0, 200],
};
function send(more, stopAt) {
  return new Promise((resolve, reject) => {
    let first = -1;
    const upload = new tus.Upload(bytes, {
      ...options,
      ...more,
      onProgress: (sent) => {
        if (first < 0) first = sent;
        if (stopAt && sent >= stopAt) { stopAt = 0; upload.abort().then(() => resolve({ url: upload.url, first, done: false })); }
      },
      onSuccess: () => resolve({ url: upload.url, first, done: true }),
      onError: reject,
    });
    upload.start();
  });
}
const one = await send({}, bytes.length / 2);
if (one.done || !one.url) throw new Error("it was not stopped in the middle");
const two = await send({ uploadUrl: one.url }, 0);
if (!two.done) throw new Error("it did not come to its end");
if (two.first < 3_000_000) throw new Error(`it began anew, at ${two.first}`);
console.log(`went on at ${two.first} of ${bytes.length}`);
