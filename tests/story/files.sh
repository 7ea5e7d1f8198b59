#!/usr/bin/env bash
# Files without a server: a sample is made, probed, made into every profile, and looked at by outsiders (ffprobe, mediainfo).
# Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/alone_lib.sh"
seen() { ffprobe -v error -show_entries "$2" -of default=nw=1:nk=1 "$1" | head -1; }

ok "the sample is made" "$top/tools/make-sample" "Reel 2 – é.mov" 3
ok "probe tells rate, timecode and sound" says '24000/1001' 0 "$posthouse" probe "Reel 2 – é.mov"
ok "probe tells the start timecode" says '00:59:58:00' 0 "$posthouse" probe "Reel 2 – é.mov"
ok "probe as JSON is JSON" bash -c "'$posthouse' probe --json 'Reel 2 – é.mov' | node -e 'const f=JSON.parse(require(\"fs\").readFileSync(0));process.exit(f.duration_frames===72?0:1)'"
for profile in web-h264-1080p prores-422-hq-mov dnxhr-hqx-mxf wav-48k24; do
  ok "$profile is made and every check is ok" says 'ok ' 0 "$posthouse" transcode "Reel 2 – é.mov" --profile $profile --out "out/$profile"
done
ok "ffprobe reads 72 ProRes frames" test "$(ffprobe -v error -count_frames -select_streams v -show_entries stream=nb_read_frames -of default=nw=1:nk=1 out/prores-422-hq-mov/*.mov)" = 72
ok "ffprobe reads its codec" test "$(seen out/prores-422-hq-mov/*.mov stream=codec_name)" = prores
ok "mediainfo reads the start timecode of the MOV" bash -c "mediainfo '--Inform=Other;%TimeCode_FirstFrame%' out/prores-422-hq-mov/*.mov | grep -q '00:59:58:00'"
ok "mediainfo reads the start timecode of the MXF" bash -c "mediainfo --Output=XML out/dnxhr-hqx-mxf/*.mxf | grep -q '00:59:58:00'"
ok "ffprobe reads the language of the sound" test "$(ffprobe -v error -select_streams a:0 -show_entries stream_tags=language -of default=nw=1:nk=1 out/prores-422-hq-mov/*.mov)" = eng
ok "a result that is there is not replaced" says 'is there already' 3 "$posthouse" transcode "Reel 2 – é.mov" --profile wav-48k24 --out out/wav-48k24
ok "nothing half made is left behind" bash -c '! find out -name ".posthouse-*" | grep -q .'
ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=24:d=0.5 -start_number 1001 shot.%04d.png
rm shot.1004.png
ffmpeg -v error -f lavfi -i testsrc2=s=320x180:d=1 -pix_fmt yuv420p -c:v libx264 -preset ultrafast -color_primaries bt709 -color_trc bt709 -colorspace bt709 true.mov
ffmpeg -v error -i true.mov -c copy -bsf:v h264_metadata=colour_primaries=9:transfer_characteristics=14:matrix_coefficients=9 lies.mov
ok "a container that says otherwise than its picture is told" test "$(for f in true lies; do "$posthouse" probe --json $f.mov | node -e 'console.log(JSON.parse(require("fs").readFileSync(0)).video[0].disagree?.[2]??"agrees")'; done | paste -sd';')" = "agrees;matrix: the container says bt709, the picture bt2020nc"
ok "a sequence is one thing, with its gap" says '11 files, 1001 to 1012, 1 missing' 0 "$posthouse" probe 'shot.####.png'
echo "a letter" >letter.mov; : >empty.mov; head -c 3000 "Reel 2 – é.mov" >cut.mov
ok "text called .mov is refused with why and fix" says 'why: it holds text' 3 "$posthouse" probe letter.mov
ok "an empty file is refused" says 'empty|no bytes|nothing' 3 "$posthouse" probe empty.mov
ok "a file cut short is refused" says 'why:' 3 "$posthouse" probe cut.mov
ok "a mistyped command names the nearest" says 'did you mean posthouse probe' 2 "$posthouse" prob
ok "a mistyped option names the nearest" says 'did you mean --profile' 2 "$posthouse" transcode --profil x letter.mov
ok "an unknown profile lists those there are" says 'web-h264-1080p' 3 "$posthouse" transcode "Reel 2 – é.mov" --profile nothing
ok "every profile is right by our own check" says 'ok' 0 "$posthouse" profile check "$top"/data/profiles/*.json
# Each profile of one master, the picture compared by ffmpeg: a film that plays may still show something else.
ffmpeg -v error -f lavfi -i testsrc2=s=480x270:r=24000/1001:d=0.5 -f lavfi -i sine=440:r=48000:d=0.5005 -f lavfi -i sine=880:r=48000:d=0.5005 \
  -filter_complex '[0]setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709[v];[1]pan=stereo|c0=c0|c1=c0[s];[2]pan=5.1|c0=c0|c1=c0[t]' -map '[v]' -map '[s]' -map '[t]' -c:v prores_aw -profile:v 3 -pix_fmt yuv422p10le \
  -movflags write_colr -c:a pcm_s24le -timecode 00:59:58:00 -metadata:s:a language=eng small.mov
alike() { # alike FILE: its picture is that of the master, to 30 dB
  local db; db=$(ffmpeg -i "$1" -i small.mov -lavfi '[0:v]scale=480:270,format=yuv420p10le[a];[1:v]format=yuv420p10le[b];[a][b]psnr' -f null - 2>&1 | sed -n 's/.*PSNR.*average:\([0-9]*\).*/\1/p')
  echo "$1: $db dB"; [ "${db:-0}" -ge 30 ]
}
for profile in prores-4444-mov youtube-h264 web-hevc-1080p web-av1-1080p web-h264-720p review-h264 netflix-kmrb-prores; do
  ok "$profile is made of it" "$posthouse" transcode small.mov --profile $profile --out "out/$profile"
  ok "and shows what the master shows" alike out/$profile/small.*
done
ok "what a master lacks is said" says 'NO  size .*wanted 1920x1080' 1 "$posthouse" profile fit small.mov --profile netflix-nonbranded-prores
printf '1\n00:00:00,100 --> 00:00:00,400\nHello\n' >cues.srt
ok "captions that are brought with it count" says 'ok  captions .*seen en sdh' 1 "$posthouse" profile fit small.mov --profile amazon-prores-mezzanine --captions cues.srt:en:sdh
ok "what it was told of is said, and what not" says 'held against each: the master, captions cues.srt' 1 "$posthouse" profile fit small.mov --profile amazon-prores-mezzanine --captions cues.srt:en:sdh
printf '1\n01:00:00,100 --> 01:00:00,400\nHello\n' >other.srt
ok "those of another programme do not" says 'NO  captions other.srt .*not of this programme' 1 "$posthouse" profile fit small.mov --profile amazon-prores-mezzanine --captions other.srt:en:sdh
echo '{"record": 1, "work": {"title": "Night"}}' >told.json
ok "what a sidecar lacks of the record is said" says 'NO  sidecar .*MMC.* missing: work.eidr' 1 "$posthouse" profile fit small.mov --profile amazon-prores-mezzanine --record told.json
ok "and keeps it from being made" says 'why: size: wanted 1920x1080, 3840x2160 or 4096x2160, seen 480x270' 2 "$posthouse" transcode small.mov --profile netflix-nonbranded-prores --out out/none
ok "what is only checked is not made" says 'without ST 436 captions' 3 "$posthouse" transcode small.mov --profile us-broadcast-xdcam-hd422 --out out/none
# HDR: the display is stated, the light measured, and both are read by outsiders.
ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=24:d=1 -vf setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc,format=yuv422p10le -c:v prores_aw -movflags write_colr hdr.mov
ok "an HDR deliverable without its display is refused" says 'fix: the colourist states it' 2 "$posthouse" transcode hdr.mov --profile web-hevc-hdr10 --out out/hdr
ok "with both it is made" says 'MaxCLL, MaxFALL' 0 "$posthouse" transcode hdr.mov --profile web-hevc-hdr10 --out out/hdr --mastering-display 'p3-d65 1000 0.005' --light measure --burn 'timecode=record,start=01:00:00:00|watermark=Ann Lee'
ok "mediainfo reads the display" bash -c "mediainfo out/hdr/hdr.mp4 | grep -q 'min: 0.0050 cd/m2, max: 1000 cd/m2'"
ok "and the light" bash -c "mediainfo out/hdr/hdr.mp4 | grep -q 'Maximum Content Light Level  *: [1-9][0-9]* cd/m2'"
shots='<Shot><Record><In>0</In><Duration>10</Duration></Record></Shot><Shot><Record><In>%d</In><Duration>14</Duration></Record></Shot>'
for in in 10 11; do printf "<DolbyLabsMDF version=\"4.0.2\"><Outputs><Output><Video><Track><EditRate>24 1</EditRate>$shots</Track></Video></Output></Outputs></DolbyLabsMDF>" $in >dv$in.xml; done
ok "Dolby Vision of another cut is told apart" says 'NO  Dolby Vision: shots .* the first at frame 11' 1 "$posthouse" profile fit hdr.mov --profile prores-422-hq-mov --dolby-vision dv11.xml
ok "and of this one is delivered unchanged" says 'dv10.xml unchanged' 0 "$posthouse" transcode hdr.mov --profile prores-422-hq-mov --out out/dv --dolby-vision dv10.xml
ok "to the byte" cmp dv10.xml out/dv/dv10.xml
# Film with a pull-down comes back as it was, and the plan says so.
ffmpeg -v error -f lavfi -i testsrc2=s=320x240:r=24000/1001:d=2 -vf telecine=first_field=top:pattern=23,setfield=tff,format=yuv422p10le -r 30000/1001 -c:v prores_ks -profile:v 3 -flags +ildct -field_order tt pulled.mov
sed 's/"pixel_format"/"scan": "progressive", "pixel_format"/; s/prores-422-hq-mov/film/' "$top/data/profiles/prores-422-hq-mov.json" >film.json
ok "a pull-down is known before anything is made" says 'ok  fields .*film with a 2:3 pull-down, top first .40 frames looked at' 0 "$posthouse" profile fit pulled.mov --profile ./film.json
ok "a pull-down is found and undone" says 'fields: 2:3, top first; made into 24000/1001' 0 "$posthouse" transcode pulled.mov --profile ./film.json --out out/film
# Hash lists; the digests of folders are those that the reference tool of ASC MHL made of the same.
mkdir -p card/Clips/sub card/empty && echo hello >card/Clips/a.mov && echo world >card/Clips/sub/b.mov && : >card/zero
ok "a history of hashes is begun" "$posthouse" mhl create card --hash md5,xxh64
one=$(echo card/ascmhl/0001_card_*.mhl)
for digest in e4c191d091bd8853 b1946ac92492d2347c6235b4d2611184 722f910550449bd9 5023417f0ccc263b e689c8dc156dc900 b4d425f0e501f8f7 d3156d00f50265f0e2f5cb0775d58d99; do
  ok "it holds $digest" grep -q ">$digest<" "$one"
done
ok "the folder is as it was" says '3 verified, 0 new, 0 failed, 0 missing' 0 "$posthouse" mhl verify card
printf '<hashlist version="1.1"><hash><file>Clips\\a.mov</file><size>6</size><xxhash64>5388bd91d091c1e4</xxhash64></hash></hashlist>' >card/old.mhl
ok "a list of MHL 1, with its xxHash turned round, verifies" says '1 verified' 0 "$posthouse" mhl verify card/old.mhl
rm card/old.mhl
echo Hello >card/Clips/a.mov && rm card/zero
ok "what is not the same and what is missing is said by name" says 'NOT THE SAME' 1 "$posthouse" mhl verify card
ok "and is recorded as failed" bash -c '"$0" mhl create card; [ $? = 1 ] && grep -q "action=\"failed\"" card/ascmhl/0002_*.mhl' "$posthouse"
sed -i 's/posthouse/Posthouse/' "$one"
ok "a generation that was edited is not believed" says 'is not the one that the chain names' 3 "$posthouse" mhl verify card
ok "a mistake in a profile is named with its line" bash -c 'sed "s/1920x1080/1920x/" "$1/data/profiles/apple-itunes-prores.json" >apple-itunes-prores.json; line=$(grep -n 1920x\", apple-itunes-prores.json | cut -d: -f1); ! "$0" profile check apple-itunes-prores.json 2>err && grep -q "line $line: .*sizes.0" err || { cat err; false; }' "$posthouse" "$top"
ok "the manual page is roff" bash -c "'$posthouse' man transcode | grep -q '^.TH POSTHOUSE-transcode'"
echo "1..$number"
exit $bad
