#!/usr/bin/env bash
# The dialogue gate of quality control: spoken parts among music, noise and silence at other levels. What it should say is worked
# out by ffmpeg from the spoken parts alone: weighted by the two filters of ITU-R BS.1770-5 annex 1 (its tables for 48 kHz), then
# the mean square.
set -uo pipefail
. "$(dirname "$0")/alone_lib.sh"
words="She sells sea shells by the sea shore, and the shells she sells are sea shells, I am sure. When in the course of human events it becomes necessary for one people to part from another, a decent respect asks that they should declare why."
espeak-ng --stdout "$words" | ffmpeg -v error -i - -ac 1 -ar 48000 -c:a pcm_f32le raw.wav
weigh="biquad=b0=1.53512485958697:b1=-2.69169618940638:b2=1.19839281085285:a0=1:a1=-1.69065929318241:a2=0.73248077421585,biquad=b0=1:b1=-2:b2=1:a0=1:a1=-1.99004745483398:a2=0.99007225036621"
# LUFS of a mono file that lies in `$2` channels
lufs() { ffmpeg -hide_banner -i "$1" -af "$weigh,astats=measure_perchannel=none:measure_overall=RMS_level" -f null - 2>&1 | node -e 'const m=/RMS level dB: (\S+)/.exec(require("fs").readFileSync(0,"utf8"));console.log(Number(m[1])-0.691+10*Math.log10(+process.argv[1]))' "$2"; }
now=$(lufs raw.wav 2)
# speech.wav: two channels of it would be at -27
ffmpeg -v error -i raw.wav -af "volume=$(node -p "0-27-($now)")dB" -c:a pcm_f32le speech.wav
# mix NAME GAIN_DB PAN...: music, speech, silence, speech, noise; the whole turned by so much
mix() {
  ffmpeg -v error -i speech.wav -f lavfi -i "aevalsrc='0.2*(sin(440*PI*t)+sin(554*PI*t)+sin(660*PI*t))*(0.8+0.2*sin(t))':d=6:s=48000" -f lavfi -i anoisesrc=d=3:c=pink:a=0.3:seed=1:r=48000 -filter_complex \
    "[0]asplit=2[a][b];[1]aformat=sample_fmts=flt:channel_layouts=mono[m];[2]aformat=sample_fmts=flt:channel_layouts=mono[n];anullsrc=r=48000:cl=mono:d=3[z];[m][a][z][b][n]concat=n=5:v=0:a=1,volume=$2dB,$3" "${@:4}" -c:a pcm_f32le "$1"
}
stereo="pan=stereo|c0=c0|c1=c0[o]"
loudness() { "$posthouse" qc "$1" --profile netflix-nonbranded-prores --json >report.json 2>err; node -e 'const r=JSON.parse(require("fs").readFileSync("report.json"));const s=r.sound[r.sound.length-1];console.log(s.dialogue_lufs??"none",s.speech_percent,s.loudness_lufs,r.findings.filter(f=>/loudness/.test(f.check)).map(f=>f.severity+" "+f.seen+" | "+f.allowed).join("; ")||"none")'; }
near() { [ -n "$1" ] && [ -n "$2" ] && node -e 'process.exit(Math.abs(process.argv[1]-process.argv[2])<=+process.argv[3]?0:1)' -- "$@" || { echo "# $1, not $2"; false; }; }
like() { grep -qE -- "$2" <<<"$1" || { echo "# $1"; false; }; }

mix film.wav 0 "$stereo" -map "[o]"
read -r dialogue speech all findings < <(loudness film.wav)
ok "dialogue at -27 among louder music is measured as what the spoken parts alone have" near "$dialogue" -27 0.5
ok "the share of speech is told" near "$speech" "$(node -p "100*2*$(ffprobe -v error -show_entries format=duration -of csv=p=0 speech.wav)/$(ffprobe -v error -show_entries format=duration -of csv=p=0 film.wav)")" 12
ok "the programme as a whole is much louder" test "$(node -p "0-22<($all)")" = true
ok "and that is no finding" test "$findings" = none
mix louder.wav 2.6 "$stereo" -map "[o]"
read -r _ _ _ findings < <(loudness louder.wav)
ok "between the outlet's number and its inspectors' limit it is an issue" like "$findings" '^issue dialogue loudness -24\.[0-9] LUFS over [0-9]+ % speech \(approximate\) \| -27.0 \+-2.0 LUFS, flag 3.0 LU$'
mix loud.wav 6 "$stereo" -map "[o]"
read -r _ _ _ findings < <(loudness loud.wav)
ok "beyond the limit it is to fix" like "$findings" '^fix dialogue loudness -2[01]\.'
# six mono tracks: speech in the centre, and as loud as in two channels there
parts="asplit=6[c0][c1][c2][c3][c4][c5];[c0]volume=0[l];[c1]volume=0[r];[c2]volume=3.01dB[c];[c3]volume=0[f];[c4]volume=0[ls];[c5]volume=0[rs]"
mix six.mov 0 "$parts" -map "[l]" -map "[r]" -map "[c]" -map "[f]" -map "[ls]" -map "[rs]"
read -r dialogue speech _ findings < <(loudness six.mov)
ok "six mono tracks are one programme, with its dialogue in the centre" near "$dialogue" -27 0.5
ffmpeg -v error -f lavfi -i "aevalsrc='0.02*(sin(440*PI*t)+sin(554*PI*t)+sin(660*PI*t))':d=12:s=48000" -af "$(sed 's/\[o\]//' <<<"$stereo")" -c:a pcm_s24le music.wav
read -r _ _ all findings < <(loudness music.wav)
ok "with too little dialogue the programme is held against what the profile says then" like "$findings" "^fix programme loudness $(printf %.1f "$all") LUFS \| -24.0 .*information too little dialogue: a detector takes 0 % for speech \(approximate\)"
ok "the page and the paper say that it is approximate" bash -c '"$1" qc film.wav --rules netflix --html a.html --pdf a.pdf >out; grep -q "speech (approximate)" out && grep -q "% speech (approximate)" a.html && grep -aq "speech \\\\(approximate\\\\)" a.pdf' - "$posthouse"
echo "1..$number"
exit $bad
