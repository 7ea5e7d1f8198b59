#!/usr/bin/env bash
# A film as a ladder for the web: rungs, sound and subtitles as CMAF, HLS and DASH, read by ffmpeg and played by Chromium. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/alone_lib.sh"

ffmpeg -v error -f lavfi -i testsrc2=s=640x360:r=30000/1001:d=4.5 -f lavfi -i sine=440:r=48000:d=4.5 -f lavfi -i sine=880:r=48000:d=4.5 -map 0 -map 1 -map 2 \
  -c:v libx264 -preset ultrafast -g 40 -bf 2 -pix_fmt yuv420p -c:a pcm_s16le -ac 2 -metadata:s:a:0 language=swe -metadata:s:a:1 language=fin film.mkv
printf '1\n00:00:00,500 --> 00:00:02,000\nHej <i>du</i>\n\n' >film.srt
rungs() { # NAME CODEC OPTIONS
  echo "{\"name\":\"$1\",\"title\":\"$1\",\"description\":\"$1\",\"container\":\"mp4\",\"extension\":\".mp4\",\"video\":{\"codec\":\"$2\",\"pixel_format\":\"yuv420p\",\"sdr\":true,\"gop_s\":1,\"segment_s\":2,\"options\":$3},
    \"ladder\":[{\"name\":\"720p\",\"width\":1280,\"height\":720},{\"name\":\"360p\",\"width\":640,\"height\":360},{\"name\":\"180p\",\"width\":320,\"height\":180}],\"audio\":{\"codec\":\"aac\",\"rate\":48000,\"channels\":2,\"bit_rate\":96000}}" >"$1.json"
}
rungs h264 libx264 '{"preset":"superfast","crf":"26"}'
rungs hevc libx265 '{"preset":"ultrafast","crf":"30"}'
rungs av1 libsvtav1 '{"preset":"12","crf":"45"}'

ok "one engine makes it" says 'ok +key frames' 0 "$posthouse" transcode film.mkv --profile ./h264.json --out one --workers 1 --captions film.srt:sv
ok "two make the same to the byte" "$posthouse" transcode film.mkv --profile ./h264.json --out two --workers 2 --captions film.srt:sv
ok "in every file" diff -r one two
timeout -s KILL 1 "$posthouse" transcode film.mkv --profile ./h264.json --out killed --captions film.srt:sv >/dev/null 2>&1
ok "after a kill it goes on" "$posthouse" transcode film.mkv --profile ./h264.json --out killed --captions film.srt:sv --overwrite
ok "to the same bytes" diff -r one killed
ok "a rung larger than the source is left out" test ! -e one/film/720p.mp4
ok "the checksums are right" bash -c 'cd one/film && sha256sum --quiet -c SHA256SUMS && [ "$(wc -l <SHA256SUMS)" = "$(ls | grep -vc SHA256SUMS)" ]'
ok "nothing half made is left behind" bash -c '! find one two -name ".posthouse-*" | grep -q .'

pictures() { ffmpeg -v error $([[ $1 == *.mp4 ]] || echo -allowed_extensions ALL) -i "$1" -map "0:v:$2" -f framemd5 - | grep -v '^#' | awk '{print $NF}'; }
sound() { ffmpeg -v error $([[ $1 == *.mp4 ]] || echo -allowed_extensions ALL) -i "$1" -map "0:a:${2:-0}" -f md5 -; }
cd one/film || exit 1
for rung in 0:360p 1:180p; do
  pictures "${rung#*:}.mp4" 0 >"$work/want"
  for manifest in master.m3u8 manifest.mpd; do
    pictures $manifest "${rung%:*}" >"$work/have"
    ok "ffmpeg reads all of ${rung#*:} by $manifest" bash -c '[ "$(wc -l <"$0")" = 135 ] && cmp "$0" "$1"' "$work/want" "$work/have"
  done
done
ok "and the same sound by both" test "$(sound master.m3u8)" = "$(sound manifest.mpd)"
ok "the other language too" bash -c '[ "$0" = "$1" ] && [ "$0" = "$2" ] && [ "$0" != "$3" ]' "$(sound master.m3u8 1)" "$(sound manifest.mpd 1)" "$(sound sound-fin.mp4)" "$(sound sound.mp4)"
ok "which has every sample of the source, and no more" test "$(ffmpeg -v error -i sound.mp4 -af atrim=end_sample=216000 -f s16le - | wc -c)" = $((216000 * 4))
ok "picture and sound begin together" bash -c '[ "$(ffprobe -v error -show_entries stream=start_time -of csv=p=0 360p.mp4)" = 0.000000 ] && ffprobe -v error -show_entries stream=start_time -of csv=p=0 sound.mp4 | grep -q "^-0.02133"'
ok "the master playlist says what they are" bash -c 'grep -q "CODECS=\"avc1.[0-9a-f]*,mp4a.40.2\",RESOLUTION=640x360,FRAME-RATE=29.970,AUDIO=\"sound\",SUBTITLES=\"text\"" master.m3u8 && grep -q "TYPE=AUDIO.*LANGUAGE=\"swe\"" master.m3u8 && grep -q "TYPE=SUBTITLES.*LANGUAGE=\"sv\"" master.m3u8'
ok "the most that is promised of a rung is its largest fragment" node -e '
  const fs = require("fs"), text = fs.readFileSync("180p.m3u8", "utf8");
  const parts = [...text.matchAll(/EXTINF:([\d.]+),\n#EXT-X-BYTERANGE:(\d+)/g)].map((m) => m[2] * 8 / m[1]);
  const most = Number(/id="180p"[^>]* bandwidth="(\d+)"/.exec(fs.readFileSync("manifest.mpd", "utf8"))[1]);
  process.exit(parts.length >= 4 && Math.abs(most - Math.max(...parts.slice(0, 4))) < 2000 ? 0 : 1)'
ok "subtitles are WebVTT with their style" grep -q 'Hej <i>du</i>' text-sv.vtt
ok "Chromium plays it, across a change of rung" node "$top/tests/story/ladder_play.mjs" "$PWD"
cd "$work" || exit 1

for codec in hevc:hvc1.1.6.L av1:av01.0.; do
  ok "a ladder of ${codec%%:*}" "$posthouse" transcode film.mkv --profile "./${codec%%:*}.json" --out "${codec%%:*}"
  ok "says so as players ask for it" grep -q "CODECS=\"${codec#*:}" "${codec%%:*}/film/master.m3u8"
  ok "and is read whole" test "$(pictures "${codec%%:*}/film/manifest.mpd" 1 | wc -l)" = 135
done
ok "captions that are none are refused" says 'caption' 3 "$posthouse" transcode film.mkv --profile ./h264.json --out none --captions h264.json
ok "a mistake in a rung is named with its line" bash -c 'sed "s/\"width\":640/\"width\":\"x\"/" h264.json >wrong.json; "$0" profile check wrong.json 2>&1 | grep -q "ladder.1"' "$posthouse"

echo "1..$number"
exit $bad
