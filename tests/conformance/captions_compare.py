"""captions_compare.py POSTHOUSE FOLDER READERS: what outside readers see in our caption files, and we in theirs. Speaks TAP.

The truth is a list of cues in frames. Where each must be in a file is worked out here with fractions, by
none of our code: SMPTE counting, 30000/1001 of SCC, milliseconds of SRT."""

import json, logging, re, subprocess, sys, warnings
from fractions import Fraction as F
from pathlib import Path
import xml.etree.ElementTree as ET

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")
posthouse, folder, readers = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
number = bad = 0


def ok(name, good, why=""):
    global number, bad
    number += 1
    bad += not good
    print(f"{'ok' if good else 'not ok'} {number} {name}", flush=True)
    if not good:
        print("# " + str(why).replace("\n", "\n# "))


def tell(*words):
    return subprocess.run([posthouse, "caption", *map(str, words)], capture_output=True, text=True)


FPS = {"23.976": F(24000, 1001), "25": F(25), "29.97df": F(30000, 1001)}
BASE = {"23.976": 24, "25": 25, "29.97df": 30}
TRUTH = [  # frames, lines; <i> is slanted
    (48, 101, ["Good <i>morning.</i>"]),
    (101, 162, ["How are you", "this fine day?"]),
    (400, 470, ["- Où est l'été ?", "- Là-bas, Zoë."]),
    (90001, 90049, ["Bye."]),
]


def plain(lines):
    return [l.replace("<i>", "").replace("</i>", "") for l in lines]


def label_frames(label, base, drop):  # ST 12-1
    h, m, s, f = (int(x) for x in label.replace(";", ":").split(":"))
    minutes = h * 60 + m
    return (minutes * 60 + s) * base + f - (2 * (minutes - minutes // 10) if drop else 0)


def half_up(x):
    return (2 * x.numerator + x.denominator) // (2 * x.denominator)


def ms(frame, rate):
    return half_up(F(frame) * 1000 / FPS[rate])


def srt_time(t):
    return f"{t // 3600000:02}:{t // 60000 % 60:02}:{t // 1000 % 60:02},{t % 1000:03}"


def paragraphs(doc):  # of ttconv's model
    from ttconv import model
    seen = []

    def words(e, lines):
        for c in e:
            if isinstance(c, model.Br):
                lines.append("")
            elif isinstance(c, model.Text):
                lines[-1] += c.get_text()
            else:
                words(c, lines)
        return lines

    def walk(e, at):
        if isinstance(e, model.P):
            begin = at + (e.get_begin() or 0)
            seen.append((begin, at + (e.get_end() or 0), [l.strip() for l in words(e, [""])]))
            return
        for c in e:
            walk(c, at + (e.get_begin() or 0) if not isinstance(e, model.Text) else at)

    walk(doc.get_body(), F(0))
    return [(b, e, [l for l in lines if l]) for b, e, lines in seen if any(lines)]


def compare(name, seen, want, within=F(0)):
    why = "\n".join(f"seen {s}, wanted {w}" for s, w in zip(seen, want) if s != w) or f"{len(seen)} cues"
    good = len(seen) == len(want) and all(
        abs(s[0] - w[0]) <= within and abs(s[1] - w[1]) <= within and s[2] == w[2] for s, w in zip(seen, want))
    ok(name, good, why)


def made(source, to, rate, start, *more):
    out = folder / f"out.{to}"
    r = tell("convert", source, out, "--to", to, "--rate", rate, "--start", start, "--language", "en", "--overwrite", "--json", *more)
    if r.returncode:
        ok(f"{to} is made", False, r.stderr)
        return None
    return out


def ours(path, kind, rate, start):
    r = tell("info", path, "--from", kind, "--rate", rate, "--start", start, "--json")
    if r.returncode:
        return r.stderr
    return [(c["in"], c["out"], c["text"].split(" / ")) for c in json.loads(r.stdout)["cues"]]


def truth_srt(rate):
    out = folder / "truth.srt"
    out.write_text("".join(f"{i + 1}\n{srt_time(ms(a, rate))} --> {srt_time(ms(b, rate))}\n" + "\n".join(t) + "\n\n"
                           for i, (a, b, t) in enumerate(TRUTH)))
    return out


def scc_frame(frame, rate, start, drop):
    return label_frames(start, 30, drop) + half_up(F(frame) / FPS[rate] * F(30000, 1001))


def with_ttconv(rate, start, source):
    import ttconv.scc.reader, ttconv.imsc.reader, ttconv.stl.reader, ttconv.srt.reader, ttconv.vtt.reader
    from ttconv.stl.config import STLReaderConfiguration
    fps = FPS[rate]
    frames = [(F(a) / fps, F(b) / fps, plain(t)) for a, b, t in TRUTH]
    whole = [(F(ms(a, rate), 1000), F(ms(b, rate), 1000), plain(t)) for a, b, t in TRUTH]
    for count in ("df", "ndf"):
        scc = made(source, "scc", rate, start, "--scc-count", count)
        want = [(scc_frame(a, rate, start, count == "df") * F(1001, 30000),
                 scc_frame(b, rate, start, count == "df") * F(1001, 30000), plain(t)) for a, b, t in TRUTH]
        compare(f"ttconv sees our SCC ({count}) at {rate} from {start}", paragraphs(ttconv.scc.reader.to_model(scc.read_text())), want)
    for kind in ("ttml", "imsc", "dfxp"):
        doc = ttconv.imsc.reader.to_model(ET.parse(made(source, kind, rate, start)))
        compare(f"ttconv sees our {kind} at {rate}", paragraphs(doc), whole if kind == "dfxp" else frames)
    doc = ttconv.imsc.reader.to_model(ET.parse(made(source, "imsc", rate, start)))
    italic = [s for s in ET.tostring(ET.parse(folder / "out.imsc").getroot(), encoding="unicode").split("<") if "italic" in s]
    ok(f"the slanted word is in IMSC at {rate}", len(italic) == 1, italic)
    compare(f"ttconv sees our SRT at {rate}", paragraphs(ttconv.srt.reader.to_model(open(made(source, "srt", rate, start)))), whole, F(1, 1000000))
    compare(f"ttconv sees our WebVTT at {rate}", paragraphs(ttconv.vtt.reader.to_model(open(made(source, "vtt", rate, start)))), whole, F(1, 1000000))
    if rate == "25":  # STL30.01 is 30 and 24 is not in the standard
        with open(made(source, "ebu-stl", rate, start), "rb") as f:
            doc = ttconv.stl.reader.to_model(f, STLReaderConfiguration(program_start_tc="TCP"))
        # it drops a space beside an italics code
        close = lambda cues: [(a, b, [l.replace(" ", "") for l in t]) for a, b, t in cues]
        compare(f"ttconv sees our EBU STL at {rate} from {start}", close(paragraphs(doc)), close(frames))


def from_ttconv(rate, start, source):
    import ttconv.srt.reader, ttconv.srt.writer, ttconv.vtt.writer, ttconv.imsc.writer
    want = [(a, b, plain(t)) for a, b, t in TRUTH]
    doc = ttconv.srt.reader.to_model(open(source))
    for kind, write in (("srt", ttconv.srt.writer.from_model), ("vtt", ttconv.vtt.writer.from_model)):
        path = folder / f"theirs.{kind}"
        path.write_text(write(doc))
        seen = ours(path, kind, rate, start)
        ok(f"we see ttconv's {kind} at {rate}", seen == want, seen)
    path = folder / "theirs.imsc"
    ttconv.imsc.writer.from_model(doc).write(path, encoding="utf-8")
    seen = ours(path, "imsc", rate, start)
    ok(f"we see ttconv's IMSC at {rate}", seen == want, seen)


def pycaption_cues(reader, content):
    got = reader.read(content)
    return [(F(round(c.start), 1000000), F(round(c.end), 1000000),
             [l.strip() for l in plain(c.get_text().split("\n")) if l.strip()]) for c in got.get_captions(got.get_languages()[0])]


def with_pycaption(rate, start, source):
    import pycaption
    whole = [(F(ms(a, rate), 1000), F(ms(b, rate), 1000), plain(t)) for a, b, t in TRUTH]
    for kind, reader in (("srt", pycaption.SRTReader), ("vtt", pycaption.WebVTTReader), ("dfxp", pycaption.DFXPReader)):
        seen = pycaption_cues(reader(), made(source, kind, rate, start).read_text())
        compare(f"pycaption sees our {kind} at {rate}", seen, whole, F(1, 1000))
    captions = pycaption.SRTReader().read(source.read_text())
    want = [(a, b, plain(t)) for a, b, t in TRUTH]
    for kind, writer in (("srt", pycaption.SRTWriter), ("vtt", pycaption.WebVTTWriter), ("dfxp", pycaption.DFXPWriter)):
        path = folder / f"theirs.{kind}"
        path.write_text(writer().write(captions))
        seen = ours(path, kind, rate, start)
        plainly = seen if isinstance(seen, str) else [(a, b, plain(t)) for a, b, t in seen]
        ok(f"we see pycaption's {kind} at {rate}", plainly == want, seen)


def with_small_ones(rate, start, source):
    import webvtt, pysubs2
    want = [(ms(a, rate), ms(b, rate), plain(t)) for a, b, t in TRUTH]
    seen = []
    for c in webvtt.read(made(source, "vtt", rate, start)):
        t = [round(sum(F(x) * y for x, y in zip(w.replace(",", ".").split(":"), (3600, 60, 1))) * 1000) for w in (c.start, c.end)]
        seen.append((t[0], t[1], plain(c.text.split("\n"))))
    ok(f"webvtt-py sees our WebVTT at {rate}", seen == want, seen)
    for kind in ("srt", "vtt"):
        subs = pysubs2.load(str(made(source, kind, rate, start)), format_="srt" if kind == "srt" else "vtt")
        seen = [(e.start, e.end, e.plaintext.split("\n")) for e in subs]
        ok(f"pysubs2 sees our {kind} at {rate}", seen == want, seen)


def with_imscjs(rate, start, source):
    if not (readers / "node_modules" / "imsc").is_dir():
        ok("imscJS is not there # SKIP npm", True)
        return
    files = [made(source, kind, rate, start) for kind in ("imsc", "ttml", "dfxp")]
    r = subprocess.run(["node", Path(__file__).with_name("captions_imsc.cjs"), readers, *files], capture_output=True, text=True)
    want = [(0, "")]
    for a, b, t in TRUTH:
        if want[-1][0] == a:
            want.pop()
        want += [(a, "\n".join(plain(t))), (b, "")]
    for path, line in zip(files, r.stdout.split("\n")):
        got = json.loads(line)
        near = [abs(s[0] - w[0] / FPS[rate]) < F(1, 1500) and s[1].strip() == w[1] for s, w in zip(got["seen"], want)]
        ok(f"imscJS sees our {path.suffix[1:]} at {rate} and has nothing to say", not got["said"] and all(near) and len(got["seen"]) == len(want), got)
    ok(f"imscJS reads all at {rate}", r.returncode == 0, r.stderr)


def with_ffmpeg(rate, start, source):
    def read(path, *before):
        r = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *before, "-i", str(path), "-f", "srt", "-"], capture_output=True, text=True)
        out = folder / "ffmpeg.srt"
        out.write_text(r.stdout)
        seen = []
        for part in r.stdout.strip().split("\n\n"):
            lines = part.split("\n")
            a, b = ([int(x) for x in t.replace(",", ":").split(":")] for t in lines[1].split(" --> "))
            text = [re.sub(r"<[^>]*>|{[^}]*}|\\h", " ", l).replace("\u2019", "'").strip() for l in lines[2:]]
            seen.append((((a[0] * 60 + a[1]) * 60 + a[2]) * 1000 + a[3], ((b[0] * 60 + b[1]) * 60 + b[2]) * 1000 + b[3],
                         [" ".join(t.split()) for t in text if t]))
        return seen

    want = [(ms(a, rate), ms(b, rate), plain(t)) for a, b, t in TRUTH]
    for kind in ("srt", "vtt"):
        seen = read(made(source, kind, rate, start))
        ok(f"ffmpeg sees our {kind} at {rate}", seen == want, seen)
    scc = made(source, "scc", rate, start, "--scc-count", "ndf")
    words = [l.split("\t") for l in scc.read_text().split("\n") if "\t" in l]
    loads = [(label_frames(l, 30, False), w.split()) for l, w in words if "942f" in w]
    seen = read(scc)
    ok(f"ffmpeg sees the words of our SCC at {rate}", [s[2] for s in seen] == [plain(t) for _, _, t in TRUTH], seen)
    # ffmpeg takes the line's time and not that of End Of Caption in it: by exactly its words too early.
    right = all(first + w.index("942f") == scc_frame(a, rate, start, False) for (first, w), (a, _, _) in zip(loads, TRUTH))
    ok(f"End Of Caption goes with the frame that shows it, at {rate} from {start}", right and len(loads) == len(TRUTH), loads)
    if rate == "25":  # it knows 23.976 as 24, and no drop-frame labels
        mcc = made(source, "mcc", rate, start)
        seen = read(mcc)
        # it reads MCC frame by frame, so its times are right; it takes labels as they are, by the clock of whole seconds
        begin = label_frames(start, BASE[rate], rate.endswith("df"))
        right = [half_up((begin + a) / FPS[rate] * 1000) for a, _, _ in TRUTH]
        ok(f"ffmpeg sees the words of our MCC at {rate}", [s[2] for s in seen] == [plain(t) for _, _, t in TRUTH], seen)
        ok(f"ffmpeg sees our MCC at its frames, at {rate} from {start}", all(abs(s[0] - r) <= 1 for s, r in zip(seen, right)), (seen, right))


def main():
    for rate in FPS:
        for start in ("00:59:58:00", "10:00:00:00"):
            source = truth_srt(rate)
            for room in (with_ttconv, from_ttconv, with_pycaption, with_small_ones, with_imscjs, with_ffmpeg):
                try:
                    room(rate, start, source)
                except Exception as e:
                    import traceback
                    ok(f"{room.__name__} at {rate} from {start}", False, traceback.format_exc())
    print(f"1..{number}")
    sys.exit(bad != 0)


main()
