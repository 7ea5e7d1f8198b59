// captions_imsc.cjs FOLDER FILE...: what imscJS (the reader of many players) sees: its complaints, and when words stand.
const folder = process.argv[2];
const fs = require('fs');
const { fromXML } = require(folder + '/node_modules/imsc/src/main/js/doc.js');
const { generateISD } = require(folder + '/node_modules/imsc/src/main/js/isd.js');
const words = (e) => (e.kind === 'br' ? '\n' : (e.text ?? '') + (e.contents ?? []).map(words).join(''));
for (const file of process.argv.slice(3)) {
  const said = [];
  const say = (kind) => (m) => (said.push(kind + ': ' + m), false);
  const handler = { info: say('info'), warn: say('warn'), error: say('error'), fatal: say('fatal') };
  const doc = fromXML(fs.readFileSync(file, 'utf8'), handler);
  const times = doc ? doc.getMediaTimeEvents() : [];
  const seen = times.map((t) => [t, generateISD(doc, t, handler).contents.map(words).join('')]);
  console.log(JSON.stringify({ said, seen }));
}
