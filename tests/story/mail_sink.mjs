// A mail server that keeps what it gets: mail_sink.mjs FOLDER USER PASSWORD. Prints its port; each mail becomes a file FOLDER/N.eml
// with its envelope in the first two lines. It wants AUTH PLAIN, and turns the first mail away for now (451), as greylisting does.
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

const [folder, user, password] = process.argv.slice(2);
let kept = 0, turned_away = 0;
const server = createServer((socket) => {
  let left = "", data = null, asked = false, known = false, from = "", to = [];
  const say = (line) => socket.write(line + "\r\n");
  const log_in = (words) => {
    const said = Buffer.from(words, "base64").toString().split("\0");
    known = said[1] === user && said[2] === password;
    asked = false;
    say(known ? "235 2.7.0 good" : "535 5.7.8 no");
  };
  const take = (line) => {
    const word = line.slice(0, 4).toUpperCase();
    if (data) {
      if (line !== ".") return void data.push(line.startsWith(".") ? line.slice(1) : line);
      if (turned_away++ === 0) say("451 4.7.1 come again");
      else {
        writeFileSync(join(folder, `${++kept}.eml`), [`from ${from}`, `to ${to.join(" ")}`, ...data, ""].join("\n"));
        say("250 2.0.0 kept");
      }
      data = null;
    } else if (word === "EHLO") say("250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN");
    else if (asked) log_in(line);
    else if (word === "AUTH") {
      const words = line.split(" ")[2];
      if (words) log_in(words);
      else (asked = true), say("334 ");
    } else if (!known && word !== "QUIT") say("530 5.7.0 who are you?");
    else if (word === "MAIL") (from = line.slice(10)), (to = []), say("250 ok");
    else if (word === "RCPT") to.push(line.slice(8)), say("250 ok");
    else if (word === "DATA") (data = []), say("354 go on");
    else if (word === "QUIT") say("221 bye"), socket.end();
    else say("250 ok");
  };
  socket.on("data", (piece) => {
    left += piece.toString();
    for (let at; (at = left.indexOf("\r\n")) >= 0; left = left.slice(at + 2)) take(left.slice(0, at));
  });
  socket.on("error", () => {});
  say("220 sink ESMTP");
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
