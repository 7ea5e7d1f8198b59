#!/usr/bin/env bash
# Captions without a server: converted, checked, retimed, taken out of a film; what is wrong is said with its line. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/alone_lib.sh"
caption() { "$posthouse" caption "$@"; }
printf '1\n00:00:02,002 --> 00:00:04,004\nGood <i>morning.</i>\n\n2\n00:00:04,104 --> 00:00:06,006\n{\\an8}<font color="#ffff00">How are you</font>\nthis fine day?\n' >film.srt

ok "an SRT becomes SCC" says '2 cues' 0 caption convert film.srt film.scc --rate 29.97df --start 00:59:58:00
ok "EOC of its first caption is at 01:00:00;00" bash -c "grep -q '^00:59:59;1[0-9].*942f 942f$' film.scc"
ok "and SCC becomes SRT again" caption convert film.scc back.srt --start 00:59:58:00
ok "to the same times" diff <(grep -- '-->' film.srt) <(grep -- '-->' back.srt)
for to in vtt mcc ttml dfxp imsc itt ebu-stl spruce-stl; do
  ok "SRT becomes $to and comes back with its times" bash -c "'$posthouse' caption convert film.srt film.$to --to $to --rate 29.97df --start 00:59:58:00 &&
    '$posthouse' caption convert film.$to - --from $to --to srt --rate 29.97df --start 00:59:58:00 | grep -- '-->' | diff - <(grep -- '-->' film.srt)"
done
ok "what a target can not say is said, and --strict makes it a no" says 'colour: cue 2' 1 caption convert film.srt other.stl --to spruce-stl --rate 25 --strict
ok "for scripts as JSON" bash -c "'$posthouse' caption convert film.srt o2.stl --to spruce-stl --rate 25 --json | node -e 'const r=JSON.parse(require(\"fs\").readFileSync(0));process.exit(r.cues===2&&r.notes.some(n=>n.group===\"colour\"&&n.cue===2&&n.line===6)?0:1)'"
ok "what is there is not written over" says 'there already' 3 caption convert film.srt film.scc --rate 25
ok "unless that is asked" caption convert film.srt film.scc --rate 29.97df --start 00:59:58:00 --overwrite
ok "a folder that is not there is said" says 'cannot' 3 caption convert film.srt nowhere/film.vtt

ok "a file of another programme is refused" says 'does not fit a programme that begins at 10:00:00' 2 caption convert film.scc x.srt --rate 29.97df --start 10:00:00:00
ok "captions that go on after the end are found" says 'inside: it ends .* frames after the programme' 1 caption check film.srt --rate 25 --duration 100
printf '1\n00:00:01,000 --> 00:00:0x,000\nx\n' >bad.srt
ok "rubbish is refused with its line" says 'bad.srt, line 2' 3 caption info bad.srt
head -c 3000 /dev/urandom >noise.bin
ok "noise is no caption file" says 'no caption file' 3 caption info noise.bin
printf '<!DOCTYPE tt [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><tt><body><div><p begin="1s" end="2s">&b;</p></div></body></tt>' >bomb.xml
ok "XML that would swell is refused" says 'DOCTYPE' 3 caption info bomb.xml

ok "rules find nothing in the house's view" says ' 0 findings' 0 caption check film.srt --rate 29.97
printf '3\n00:00:06,050 --> 00:00:06,300\nToo short, and far too many words for a quarter of a second\n' >>film.srt
ok "faults name file, line, cue and timecode" says 'film.srt:10: cue 3 at 01:00:04:01: min-duration' 1 caption check film.srt --rate 29.97 --start 00:59:58:00 --rules netflix-ttsg
ok "and as JSON" bash -c "'$posthouse' caption check film.srt --rate 29.97 --rules netflix-ttsg --json | node -e 'const r=JSON.parse(require(\"fs\").readFileSync(0));process.exit(r.findings.some(f=>f.rule===\"reading-speed\"&&f.line===10)?0:1)'"
echo 58 >cuts.txt
ok "a cut near the in-time is found" says 'snap-in: it begins 2 frames after a cut' 1 caption check film.srt --rate 29.97 --rules netflix-ttsg --cuts cuts.txt
ok "rules that are not there are said" says 'there are no rules nix' 3 caption check film.srt --rules nix

ok "24 becomes 25 frame by frame" bash -c "printf '1\n00:00:10,000 --> 00:00:12,000\nx\n' >a.srt && '$posthouse' caption retime a.srt - --to srt --rate 24 --speed 24:25 --offset 5 | grep -q '00:00:09,800 --> 00:00:11,720'"
ok "a trim takes its captions along" bash -c "'$posthouse' caption retime a.srt - --to srt --rate 25 --keep 0-100,200-400 | grep -q '00:00:06,000 --> 00:00:08,000'"

ok "a film with a c608 track is made" bash -c "'$posthouse' caption convert back.srt cc.mcc --rate 29.97 && ffmpeg -v error -f lavfi -i testsrc=s=160x90:r=30000/1001:d=8 -i cc.mcc -map 0:v -map 1 -c:v libx264 -preset ultrafast -c:s copy -timecode '00:59:58;00' film.mov"
ok "its captions come out" caption extract film.mov out.scc
ok "with the film's own timecode and at their frames" bash -c "'$posthouse' caption convert out.scc - --to srt --start 00:59:58:00 | grep -- '-->' | diff - <(grep -- '-->' back.srt)"
ok "a film tells its captions' rate and start" bash -c "'$posthouse' caption convert out.scc - --to srt --film film.mov | grep -- '-->' | diff - <(grep -- '-->' back.srt)"
ok "captions that fit the film are fine" says ' 0 findings' 0 caption check out.scc --film film.mov
printf '1\n00:00:01,000 --> 00:00:03,000\nThis is of\n\n2\n01:20:01,000 --> 01:20:03,000\nanother programme.\n' >wrong.srt
ok "those of another programme are not" says 'wrong.srt:6: cue 2 at 02:19:59;00: inside' 1 caption check wrong.srt --film film.mov
ok "a film without captions has none" says 'no captions' 3 bash -c "ffmpeg -v error -y -i film.mov -map 0:v -c copy none.mov && '$posthouse' caption extract none.mov none.srt"
ok "nothing half there is left" test ! -e none.srt
echo "1..$number"
exit $bad
