// Takes mail (SMTP, RFC 5321, as little as it needs): mail_server.mjs FOLDER. Prints its port; each mail is a file in FOLDER, N.eml.
import { writeFileSync, renameSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

const folder = process.argv[2];
let number = 0;
const server = createServer((line) => {
  let text = "", data = false, mail = "";
  line.on("error", () => {});
  line.write("220 mail.test ready\r\n");
  line.on("data", (piece) => {
    text += piece.toString("utf8");
    for (let at; (at = text.indexOf("\r\n")) >= 0; ) {
      const one = text.slice(0, at);
      text = text.slice(at + 2);
      if (data && one === ".") {
        data = false;
        const name = join(folder, `${++number}.eml`);
        writeFileSync(name + ".new", mail);
        renameSync(name + ".new", name);
        line.write("250 taken\r\n");
      } else if (data) mail += one.replace(/^\./, "") + "\n";
      else if (/^EHLO|^HELO/i.test(one)) line.write("250-mail.test\r\n250 8BITMIME\r\n");
      else if (/^DATA/i.test(one)) (data = true), (mail = ""), line.write("354 go on\r\n");
      else if (/^QUIT/i.test(one)) line.end("221 bye\r\n");
      else if (/^RCPT/i.test(one)) (mail += ""), line.write("250 good\r\n");
      else line.write("250 good\r\n");
    }
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
