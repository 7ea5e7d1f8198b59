#!/usr/bin/env bash
# Captions into films and out again: in pictures, in tracks and beside them, at their frames, by ffmpeg's, MediaInfo's and our own
# reading; the same bytes from any number of workers. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/alone_lib.sh"
same() { [ "$1" = "$2" ] || { echo "seen: $1"; echo "wanted: $2"; false; }; }
# Frames of an SRT on standard input at NUM/DEN: "48-96 98-144"
frames() { node -e 'const [n,d]=process.argv[1].split("/").map(Number),out=[];for(const m of require("fs").readFileSync(0,"utf8").matchAll(/(\S+) --> (\S+)/g)){
  const f=m.slice(1,3).map(t=>{const[h,mi,s]=t.replace(",",".").split(":").map(Number);return Math.round((h*3600+mi*60+s)*n/(d||1))});out.push(f.join("-"))}console.log(out.join(" "))' "$1"; }
film() { ffmpeg -v error -y -f lavfi -i "testsrc2=s=320x180:r=$1:d=${4:-7}" -f lavfi -i "sine=d=${4:-7}" -c:v libx264 -preset ultrafast -g 25 -c:a pcm_s16le -timecode "$2" "$3"; }
make() { "$posthouse" transcode "$1" --profile "$2" --out "$3" --overwrite "${@:4}"; }
by_ffmpeg() { ffmpeg -v error -f lavfi -i "movie=$1[out0+subcc]" -map 0:s -f srt - | frames "$2"; }
by_us() { "$posthouse" caption extract "$1" - --to srt "${@:3}" 2>/dev/null | frames "$2"; }
profile() { # profile NAME CONTAINER ENDING VIDEO EMBED
  echo "{\"name\":\"$1\",\"title\":\"$1\",\"description\":\"x\",\"container\":\"$2\",\"extension\":\".$3\",\"video\":{$4,\"segment_s\":2},\"audio\":{\"codec\":\"pcm_s24le\",\"rate\":48000},\"captions\":{\"embed\":[$5],\"formats\":[\"itt\",\"scc\"]}}" >"$1.json"
}
profile h264 mov mov '"codec":"libx264","pixel_format":"yuv420p","options":{"preset":"veryfast","bf":"3"}' '"cc","c608"'
profile h265 mov mov '"codec":"libx265","pixel_format":"yuv420p","options":{"preset":"ultrafast"}' '"cc"'
profile mpeg2 mxf mxf '"codec":"mpeg2video","pixel_format":"yuv420p","options":{"b":"6000000","bf":"2","g":"12","sc_threshold":"1000000000"}' '"cc"'
profile prores mov mov '"codec":"prores_aw","pixel_format":"yuv422p10le","options":{"profile":"0"}' '"c608"'

# What hand-made SCC says, in frames of three programmes: "Hello" is loaded in seven pairs, so that it shows 17 frames into the second.
scc() { printf 'Scenarist_SCC V1.0\n\n%s\t9420 9420 9470 9470 c8e5 ecec ef80 942f 942f\n\n%s\t942c 942c\n\n%s\t94a7 94a7 94ad 94ad 9470 9470 d9e5 7380\n\n%s\t942c 942c\n' "$@"; }
scc '00:59:59;10' '01:00:01;00' '01:00:02;00' '01:00:03;00' >df.scc
scc '10:00:01:10' '10:00:03:00' '10:00:04:00' '10:00:05:00' >ndf.scc
scc '10:00:01;10' '10:00:03;00' '10:00:04;00' '10:00:05;00' >df10.scc
each=('24000/1001 10:00:00:00 ndf.scc 38-72' '25 10:00:00:00 df10.scc 39-75' '30000/1001 00:59:58;00 df.scc 47-90')
for row in "${each[@]}"; do
  read -r rate start file truth <<<"$row"
  film "$rate" "$start" film.mov
  each_codec='h264 h265'; [ "$rate" = 30000/1001 ] && each_codec='h264 mpeg2'
  for p in $each_codec; do
    ok "$file goes into $p at $rate from $start" make film.mov "./$p.json" "$p" --captions "$file:en"
    out=$(ls "$p"/film.m??)
    ok "and ffmpeg shows it from its frame to its frame" bash -c "grep -q '^$truth ' <<<'$(by_ffmpeg "$out" "$rate") '"
    ok "and so do we" bash -c "grep -q '^$truth ' <<<'$(by_us "$out" "$rate") '"
    ok "and in 708" bash -c "grep -q '^$truth ' <<<'$(by_us "$out" "$rate" --708) '"
  done
  ok "its c608 track in ProRes has them too" bash -c "'$posthouse' transcode film.mov --profile ./prores.json --out prores --overwrite --captions $file:en && '$posthouse' caption extract prores/film.mov - --to srt >p.srt"
  ok "at their frames" bash -c "grep -q '^$truth ' <<<'$(frames "$rate" <p.srt) '"
  ok "one sample a frame" same "$(ffprobe -v error -select_streams s -show_entries stream=nb_frames,codec_tag_string -of csv=p=0 prores/film.mov)" "c608,$(ffprobe -v error -select_streams v -show_entries stream=nb_frames -of csv=p=0 prores/film.mov)"
  ok "the SCC beside it says the same as the one it came from" bash -c "diff <('$posthouse' caption info prores/film.en.cc.scc --film film.mov --json | grep _timecode) <('$posthouse' caption info $file --film film.mov --json | grep _timecode)"
done
ok "every picture has its triples" same "$(ffprobe -v error -select_streams v -show_frames -show_entries frame=side_data_list:side_data=side_data_type -of csv h264/film.mov | grep -c 'Closed Captions')" "$(ffprobe -v error -select_streams v -show_entries stream=nb_frames -of csv=p=0 h264/film.mov)"
if mediainfo --Version >/dev/null 2>&1; then
  ok "MediaInfo sees 608, 708 and the track" bash -c "[ \$(mediainfo h264/film.mov | grep -cE '^Format  .*EIA-(608|708)') = 3 ] && mediainfo h264/film.mov | grep -q 'Codec ID .*c608'"
fi

# The same bytes from any number of workers; other captions need no other pictures.
printf '1\n00:00:01,001 --> 00:00:02,502\nGood <i>morning.</i>\n\n2\n00:00:02,502 --> 00:00:04,004\n{\\an8}How are you\nthis fine day?\n' >film.srt
printf '1\n00:00:01,001 --> 00:00:03,003\nBuenos dias.\n' >es.srt
film 30000/1001 '00:59:58;00' film.mov
for w in 1 2 4; do make film.mov web-h264-720p "w$w" --workers $w --captions film.srt:en:cc --captions es.srt:es-MX:subtitle >/dev/null 2>&1; done
ok "one, two and four workers make the same bytes" bash -c "sha256sum w1/film.mp4 w2/film.mp4 w4/film.mp4 | cut -c1-64 | uniq | wc -l | grep -qx 1"
ok "a second language is CC3, at its frames" same "$(by_us w1/film.mp4 30000/1001 --channel 3)" "30-90"
ok "text tracks have their languages" same "$(ffprobe -v error -select_streams s -show_entries stream=codec_name:stream_tags=language -of csv=p=0 w1/film.mp4 | tr '\n' ' ')" "mov_text,eng mov_text,spa "
ok "their times" same "$(ffmpeg -v error -i w1/film.mp4 -map 0:s:0 -f srt - | frames 30000/1001)" "30-75 75-120"
ok "and their styles" bash -c "ffmpeg -v error -i w1/film.mp4 -map 0:s:0 -f srt - | grep -q '<i>morning.</i>'"
make film.mov web-h264-720p plain >/dev/null 2>&1
md5_of() { ffmpeg -v error -i "$1" -map 0:v -f md5 -; }
ok "the pictures are those of the film without captions" same "$(md5_of w1/film.mp4)" "$(md5_of plain/film.mp4)"
film 60000/1001 '10:00:00:00' fast.mov 5
make fast.mov ./h264.json fast --captions film.srt:en >/dev/null 2>&1
ok "at 59.94 a pair goes with every second frame" same "$(by_ffmpeg fast/fast.mov 60000/1001)" "60-150 150-240"
ok "and the track has one for two frames" same "$(ffprobe -v error -select_streams s -show_entries stream=nb_frames -of csv=p=0 fast/fast.mov)" 150
ok "TTML in MP4 is a track" bash -c "'$posthouse' transcode film.mov --profile web-h264-720p --captions-in ttml --captions-as vtt,imsc --captions film.srt:en --out t && '$posthouse' probe t/film.mp4 | grep -q ttml"
ok "and what is asked lies beside it" test -s t/film.en.subtitle.vtt -a -s t/film.en.subtitle.xml
ok "24 frames become 25: a retime on the way" bash -c "printf '1\n00:00:02,500 --> 00:00:05,000\nx\n' >a24.srt && ffmpeg -v error -y -f lavfi -i testsrc2=s=320x180:r=25:d=6 -c:v libx264 -preset ultrafast a25.mov && '$posthouse' transcode a25.mov --profile ./h264.json --captions a24.srt:en --captions-speed 24:25 --captions-offset 5 --out r"
ok "lands on the frames that it should" same "$(by_ffmpeg r/a25.mov 25)" "65-125"

# A pull-down is undone: the film that comes out has other frames than its master, and its captions follow.
ffmpeg -v error -y -f lavfi -i testsrc2=s=320x180:r=24000/1001:d=7 -vf telecine=first_field=top:pattern=23,setfield=tff -c:v libx264 -preset ultrafast -flags +ilme+ildct -x264-params tff=1 -timecode '00:59:58;00' laced.mov
printf '1\n00:00:02,002 --> 00:00:04,004\nOne\n\n2\n00:00:05,005 --> 00:00:06,006\nTwo\n' >laced.srt
sed 's/"codec":"libx264"/"scan":"progressive","codec":"libx264"/' h264.json >film24.json
make laced.mov ./film24.json laced --captions laced.srt:en >/dev/null 2>&1
ok "captions of a film whose pull-down was undone stand at its own frames" same "$(by_ffmpeg laced/laced.mov 24000/1001)" "48-96 120-144"

# As findings of quality control
qc() { "$posthouse" qc film.mov --json "$@" >qc.json 2>qc.said; node -e 'const r=JSON.parse(require("fs").readFileSync("qc.json"));console.log(r.findings.filter(f=>f.check==="captions").map(f=>[f.rule,f.severity,f.from??"",f.to??""].join(" ")).join(", "))'; }
ok "captions without a fault are no finding" same "$(qc --captions film.srt:en)" ""
printf '1\n00:00:01,001 --> 00:00:01,101\nFar too many words for three frames\n' >short.srt
ok "a fault of the rules is an issue at its frames" bash -c "grep -q 'caption-min-duration issue 30 32' <<<'$(qc --captions short.srt:en --caption-rules netflix-ttsg)'"
printf '1\n00:20:00,000 --> 00:20:02,000\nof another one\n' >other.srt
ok "another programme's is to fix" same "$(qc --captions other.srt)" "caption-programme fix  "
ok "labels before the first frame are to fix" same "$(sed 's/00:59:59/00:50:00/' df.scc >early.scc; qc --captions early.scc)" "caption-start fix  "
ok "so is what can not be read" same "$(printf '1\n00:00:0x' >broken.srt; qc --captions broken.srt | cut -d' ' -f1,2)" "caption-unreadable fix"
sed 's/"embed"/"languages":["en","fr"],"needed":true,"embed"/' h264.json >fr.json
ok "and a language that the profile wants" same "$(qc --captions film.srt:en --profile ./fr.json)" "caption-missing fix  "

# Refused before anything is encoded
printf '1\n00:20:00,000 --> 00:20:02,000\nof another one\n' >other.srt
ok "captions of another programme are refused, with why" says 'begins at 01:19:58;00, and the programme ends at' 2 make film.mov web-h264-720p no --captions other.srt
ok "so are those that begin before it" says 'does not fit a programme that begins at' 2 make fast.mov ./h264.json no --captions df.scc
ok "ProRes has no place for them in its pictures" says 'use c608 in QuickTime' 3 make film.mov prores-422-hq-mov no --captions film.srt --captions-in cc
ok "a language that the outlet wants is missed" says 'captions in fr are missing' 2 bash -c "sed 's/\"embed\"/\"languages\":[\"en\",\"fr\"],\"embed\"/' h264.json >fr.json; '$posthouse' transcode film.mov --profile ./fr.json --captions film.srt:en --out no"
ok "two files of one name are refused" says 'say a language and a role' 3 make film.mov ./h264.json no2 --captions film.srt --captions film.srt
ok "rubbish is no caption file" says 'no caption file' 3 bash -c "head -c 500 /dev/urandom >x.bin; '$posthouse' transcode film.mov --profile web-h264-720p --captions x.bin --out no"
ok "and nothing was made" test ! -e no/film.mp4
echo "1..$number"
exit $bad
