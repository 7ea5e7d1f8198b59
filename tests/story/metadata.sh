#!/usr/bin/env bash
# What a master says of itself goes through MOV, MXF, MP4 and WAV and is found there by MediaInfo, ffprobe and exiftool;
# finished files say something else without a byte of essence touched; sidecars are well-formed. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/alone_lib.sh"
all() { # all FILE WORD...: every word is in the file
  local word
  for word in "${@:2}"; do grep -qF -- "$word" "$1" || { echo "no $word in:"; cat "$1"; return 1; }; done
}
same() { [ "$1" = "$2" ] || { printf 'got  %s\nwant %s\n' "$1" "$2"; return 1; }; }
essence() { ffmpeg -v error -i "$1" -map 0:v? -map 0:a? -c copy -f streamhash -hash md5 - | sort; }
mdat() { # the bytes of the mdat of an MP4 or QuickTime file
  node -e '
    const fs = require("fs"), b = fs.readFileSync(process.argv[1]), h = require("crypto").createHash("sha256");
    for (let at = 0; at + 8 <= b.length; ) {
      let size = b.readUInt32BE(at), head = 8;
      if (size === 1) size = Number(b.readBigUInt64BE(at + 8)), head = 16;
      if (size === 0) size = b.length - at;
      if (b.toString("latin1", at + 4, at + 8) === "mdat") h.update(b.subarray(at + head, at + size));
      at += size;
    }
    console.log(h.digest("hex"));' "$1"
}

printf ';FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/24\nSTART=0\nEND=11\ntitle=Eins\n[CHAPTER]\nTIMEBASE=1/24\nSTART=12\nEND=24\ntitle=Zwei\n' >chapters.txt
ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=24:d=1 -f lavfi -i sine=d=1:r=48000,aformat=channel_layouts=stereo -i chapters.txt -map_chapters 2 \
  -c:v prores -c:a pcm_s24le -metadata:s:a:0 language=fra -timecode 01:00:00:00 -color_primaries bt709 -color_trc bt709 -colorspace bt709 master.mov || exit 1
cp master.mov first.mov
eidr=10.5240/7791-8534-2C23-9030-8610-5 umid=060A2B340101010501010D0013B235D15294713438B235D1005294713438B201
words=("work.title=Nächte & <Flüsse>" work.synopsis=Zwei-Tage-am-Fluss work.description=Ein-Film work.eidr=$eidr work.isan=0000-0000-3A8D-0000-Z-0000-0000-6
  work.house_id=PH-42 work.vendor_id=V1 version.umid=$umid work.date=2026-03-04 "work.genre=Drama; Crime" "rights.copyright=2026 Fluss Film" rights.holder=Fluss
  "person[1].role=director" "person[1].name=Ann Lee" "person[2].role=actor" "person[2].name=Bob Ray" work.series=Ufer work.season=2 work.episode=3 work.type=episode
  "localised[1].language=fr" "localised[1].title=Les nuits" work.language=de work.country=DE work.company=Uferfilm "track[2].language=fr-CA" "track[2].role=dub"
  "track[2].isrc=USRC17607839" "work.keywords=river; night")
before=$(essence master.mov) bytes=$(mdat master.mov)
ok "a finished master is told what it is" says ' 0 changed, 0 truncated, 0 without' 0 "$posthouse" map master.mov "${words[@]}" --write
ok "its essence is the same, packet by packet" [ "$(essence master.mov)" = "$before" ]
ok "and its bytes" [ "$(mdat master.mov)" = "$bytes" ]
ok "it decodes" ffmpeg -v error -xerror -i master.mov -f null -
ok "nothing is left beside it" bash -c '[ -z "$(ls -A | grep posthouse)" ]'
"$posthouse" map master.mov --sidecar json >record.json
ok "what was told comes back with its place in the file" bash -c "grep -q 'mdta/com.apple.quicktime.title' record.json && grep -q '\"file\": \"master.mov\"' record.json"

ffprobe -v error -show_format -show_streams -show_chapters master.mov >probe.mov
mediainfo master.mov >info.mov
exiftool -s master.mov >exif.mov
ok "ffprobe finds title, ids, people and chapters in the MOV" all probe.mov "com.apple.quicktime.title=Nächte & <Flüsse>" "posthouse.eidr=$eidr" "posthouse.umid=$umid" "com.apple.quicktime.director=Ann Lee" "TAG:title=Zwei" "language=fra"
ok "so does exiftool, with the other language" all exif.mov "Nächte & <Flüsse>" "$eidr" "Ann Lee" "Les nuits" "Fluss"
ok "and MediaInfo" all info.mov "com.apple.quicktime.director" "Ann Lee" "French"

run() { "$posthouse" transcode "$1" --profile "$2" --out out "${@:3}"; }
ok "the MOV becomes an MXF" run master.mov dnxhr-hqx-mxf
ok "what MXF has no home for lies beside it" all out/master.mxf.metadata.json '"fr-CA"' "$umid" '"Les nuits"' USRC17607839 '"Zwei"'
ffprobe -v error -show_format -show_streams out/master.mxf >probe.mxf
ok "ffprobe finds the rest in the MXF" all probe.mxf "comment_ProgrammeTitle=Nächte & <Flüsse>" "comment_EIDR=$eidr" "comment_Director=Ann Lee" "comment_Copyright=2026 Fluss Film" "timecode=01:00:00:00"
umid() { ffprobe -v error -show_entries format_tags=material_package_umid -of csv=p=0 "$1"; }
was=$(umid out/master.mxf)
ok "its packages have a number of their own, where the library writes nought" bash -c '[[ ${#1} -eq 66 && $1 != *0000000000000000000000 ]]' - "$was"
ok "MediaInfo and exiftool the package's name" bash -c "mediainfo out/master.mxf | grep -q 'Nächte & <Flüsse>' && exiftool out/master.mxf | grep -q 'Nächte & <Flüsse>'"
ok "the MXF with what lay beside it becomes an MP4" run out/master.mxf web-h264-720p --record out/master.mxf.metadata.json
ffprobe -v error -show_format -show_streams -show_chapters out/master.mp4 >probe.mp4
exiftool -s out/master.mp4 >exif.mp4
mediainfo out/master.mp4 >info.mp4
ok "ffprobe finds all of it in the MP4, chapters too" all probe.mp4 "title=Nächte & <Flüsse>" "EIDR=$eidr" "UMID=$umid" "ISRC=USRC17607839" "show=Ufer" "episode_sort=3" "TAG:title=Zwei" "copyright=2026 Fluss Film" "language=fra"
ok "so does exiftool" all exif.mp4 "Nächte & <Flüsse>" "$eidr" "Les nuits" "Ann Lee" "Ufer" "2026 Fluss Film"
ok "and MediaInfo" all info.mp4 "Nächte & <Flüsse>" "$eidr" "Ufer" "French" "Ann Lee"
ok "the MP4 keeps its index at the front" bash -c 'head -c 40 out/master.mp4 | grep -aq moov'
ok "it decodes too" ffmpeg -v error -xerror -i out/master.mp4 -f null -
ok "the MP4 becomes a WAV" run out/master.mp4 wav-48k24
ffprobe -v error -show_format out/master.wav >probe.wav
exiftool -s out/master.wav >exif.wav
mediainfo out/master.wav >info.wav
ok "ffprobe finds what WAV has a home for" all probe.wav "title=Nächte & <Flüsse>" "copyright=2026 Fluss Film" "originator_reference=PH-42" "umid=0x${umid}" "time_reference=172800000"
ok "exiftool finds the rest in XMP and bext" all exif.wav "Nächte & <Flüsse>" "Les nuits" "PH-42" "Uferfilm" "Fluss"
# Texts of RIFF INFO have no charset: MediaInfo takes them as Latin letters, ffprobe and exiftool as UTF-8.
ok "MediaInfo too" all info.wav "PH-42" "Ann Lee" "2026 Fluss Film" "${umid#0}"
ok "iXML has the ids" bash -c "grep -aq '<EIDR>$eidr</EIDR>' out/master.wav && grep -aq '<ISRC>USRC17607839</ISRC>' out/master.wav"
"$posthouse" map out/master.wav --sidecar csv >wav.csv
ok "all of it is read back from the WAV" all wav.csv "work.title,,Nächte & <Flüsse>" "work.eidr,,$eidr" "version.umid,,$umid" "track.language,1,fr-CA" "track.isrc,1,USRC17607839" "localised.title,1,Les nuits" "person.name,1,Ann Lee" "work.episode,,3"

cp out/master.wav other.wav
samples=$(essence other.wav)
ok "a WAV is told something else" says 'kept +work.title +Other' 0 "$posthouse" map other.wav work.title=Other --write
ok "its samples are the same" [ "$(essence other.wav)" = "$samples" ]
ok "exiftool finds one title, the new one" bash -c "exiftool -a -s other.wav | grep -q Other && ! exiftool -a other.wav | grep -q Nächte"
cp out/master.mp4 other.mp4
bytes=$(mdat other.mp4)
ok "so is an MP4" says 'kept +work.title +Other' 0 "$posthouse" map other.mp4 "work.title=Other" --write
ok "its essence stays byte for byte" [ "$(mdat other.mp4)" = "$bytes" ]
ok "and is where its index says" bash -c "ffmpeg -v error -xerror -i other.mp4 -f null - && ffprobe -v error -show_format other.mp4 | grep -q 'title=Other'"

ok "a finished MP4 gets other chapters" says 'kept +chapter\[2\].title +Second' 0 "$posthouse" map other.mp4 chapter[1].start=0 chapter[1].title=First chapter[2].start=240000 chapter[2].title=Second "marker[1].at=30000" "marker[1].title=Look here" "marker[1].kind=FFOC" --write
ffprobe -v error -show_chapters -of csv=p=0 other.mp4 >chapters.mp4
ok "ffprobe finds them where they were set" same "$(cut -d, -f3-4,7 chapters.mp4 | tr '\n' ' ')" "0,0.000000,First 40000,0.333333,Second "
ok "MediaInfo and exiftool too" bash -c "mediainfo other.mp4 | grep -q Second && exiftool other.mp4 | grep -q '\[0:00:00.333\] Second'"
ok "its film still decodes" ffmpeg -v error -xerror -i other.mp4 -f null -
ok "exiftool finds the marker" bash -c "exiftool -s other.mp4 | grep -q 'TracksMarkersName *: Look here' && exiftool -s other.mp4 | grep -q 'TracksMarkersStartTime *: 30000'"
sed 's/"name": "[^"]*"/"name": "faster"/; s/"container": "mov",/"container": "mov", "conform": "25",/' "$top/data/profiles/prores-422-hq-mov.json" >faster.json
ok "markers go with a picture that is shown faster" bash -c "'$posthouse' transcode master.mov --profile ./faster.json --out fast --record <('$posthouse' map master.mov marker[1].at=720000 marker[1].title=End --sidecar json) && exiftool -s fast/master.mov | grep -q 'TracksMarkersStartTime *: 691200'"
ok "the MP4 says for which loudspeakers its sound is" bash -c "'$posthouse' probe out/master.mp4 --json | tr -d ' \n' | grep -q '\"at\":\"trak/chnl\",\"value\":\"2\"'"
ok "what a container has no home for is said" says 'no home +track\[2\].language +fr-CA' 0 "$posthouse" map master.mov --to mxf
ok "with the reason" says 'MCA labels come with the MXF writer' 0 "$posthouse" map master.mov --to mxf
ok "for scripts as JSON" bash -c "'$posthouse' map master.mov --to wav --json | node -e 'const r=JSON.parse(require(\"fs\").readFileSync(0));process.exit(r.rows.some(x=>x.field===\"work.house_id\"&&x.fate===\"kept\"&&x.at===\"bext/OriginatorReference\")?0:1)'"
ok "an unknown field is named with the nearest" says 'did you mean work.title' 2 "$posthouse" map master.mov work.titel=x
ok "so is a value that is no value of it" says 'one of: feature episode' 2 "$posthouse" map master.mov work.type=film
hashes=$(essence out/master.mxf)
ok "an MXF is told something else" says 'kept +work.title +Other' 0 "$posthouse" map out/master.mxf work.title=Other work.comment=Told --write
ok "it holds the same packets" same "$(essence out/master.mxf)" "$hashes"
ok "and is another package" test "$(umid out/master.mxf)" != "$was"
ok "ffprobe and MediaInfo find it" bash -c "ffprobe -v error -show_format out/master.mxf | grep -q 'comment_Comment=Told' && mediainfo out/master.mxf | grep -q Other && ffprobe -v error -show_format out/master.mxf | grep -q 'timecode=01:00:00:00'"
ffmpeg -v error -i master.mov -map 0:v -map 0:a -map_metadata:g -1 -c:v libx264 -preset ultrafast -c:a pcm_s24le master.mkv
hashes=$(essence master.mkv)
ok "so is a Matroska file, chapters and tracks too" says 'kept +chapter\[1\].title +Neu' 0 "$posthouse" map master.mkv work.title=Other work.episode=3 "person[1].role=director" "person[1].name=Ann Lee" "track[2].language=fr" "track[2].title=Ton" chapter[1].start=0 chapter[1].title=Neu --write
ok "with the same packets" same "$(essence master.mkv)" "$hashes"
ffprobe -v error -show_format -show_streams -show_chapters master.mkv >probe.mkv
ok "ffprobe finds all of it" all probe.mkv "TAG:title=Other" "DIRECTOR=Ann Lee" "TAG:language=fra" "TAG:title=Ton" "TAG:title=Neu" "TAG:title=Zwei"
ok "and MediaInfo" bash -c "mediainfo master.mkv >info.mkv; grep -q 'Movie name *: Other' info.mkv && grep -q French info.mkv && grep -q Neu info.mkv"
"$posthouse" map master.mkv --sidecar csv >mkv.csv
ok "it is read back" all mkv.csv "work.title,,Other" "work.episode,,3" "person.name,1,Ann Lee" "track.title,2,Ton" "track.language,2,fr"
ffmpeg -v error -i master.mov -map 0:v -map 0:a -map_chapters -1 -c:v mpeg2video -c:a mp2 -f mpegts other.ts
ok "what can not be written again is refused with the reason" says 'QuickTime, WAV, Matroska and MXF' 3 "$posthouse" map other.ts work.title=x --write
ok "rubbish can not either, and stays as it was" bash -c "head -c 3000 /dev/urandom >noise.mov; cp noise.mov was; ! '$posthouse' map noise.mov work.title=x --write && cmp noise.mov was"
head -c 200000 master.mov >cut.mov
ok "nor a file whose index is missing" says 'why: ' 3 "$posthouse" map cut.mov work.title=x --write

sed 's/"name": "[^"]*"/"name": "strict"/; s/"container": "mov",/"container": "mov", "metadata": {"required": ["work.title", "work.eidr", "track.language"]},/' "$top/data/profiles/prores-422-hq-mov.json" >strict.json
ok "a profile that requires what is known is met" says ' 0 without' 0 "$posthouse" map master.mov --profile ./strict.json
ok "what it requires and nobody knows is said" says 'required: work.eidr has no value' 1 "$posthouse" map first.mov --profile ./strict.json
ok "and the delivery is refused" says 'work.title has no value, work.eidr has no value' 2 "$posthouse" transcode first.mov --profile ./strict.json --out refused
sed 's/"name": "[^"]*"/"name": "strict"/; s/"container": "mxf",/"container": "mxf", "metadata": {"required": ["track.language"]},/' "$top/data/profiles/dnxhr-hqx-mxf.json" >homeless.json
ok "what it requires and the container can not say is refused too" says 'track.language has no home' 2 "$posthouse" transcode master.mov --profile ./homeless.json --out refused
ok "nothing was made" bash -c '[ -z "$(ls -A refused 2>/dev/null)" ]'

for kind in itunes mec mmc ebucore mediarss as11; do
  ok "the sidecar $kind is well-formed" bash -c "'$posthouse' map master.mov work.sort_title=Nacht broadcast.shim='UK DPP HD' broadcast.audio_layout=EBU_R_123_4b --provider Haus --sidecar $kind --out $kind.xml && xmllint --noout $kind.xml"
done
path() { xmllint --xpath "$1" "$2"; }
ok "iTunes has the file's digest, its chapters and the episode" bash -c "[ \$(xmllint --xpath 'string(//*[local-name()=\"checksum\"])' itunes.xml) = \$(md5sum <master.mov | cut -d' ' -f1) ] && [ \$(xmllint --xpath 'count(//*[local-name()=\"chapter\"])' itunes.xml) = 2 ] && xmllint --xpath '//*[local-name()=\"container_position\" and .=\"3\"]' itunes.xml"
ok "MEC names the work by its EIDR and its other title" bash -c "xmllint --xpath '//@ContentID[.=\"md:cid:eidr-s:7791-8534-2C23-9030-8610-5\"]' mec.xml && xmllint --xpath '//*[local-name()=\"LocalizedInfo\"][@language=\"fr\"]/*[.=\"Les nuits\"]' mec.xml"
ok "MMC's presentation speaks of tracks that its inventory has" bash -c "for id in \$(xmllint --xpath '//*[local-name()=\"Presentation\"]//*[local-name()=\"VideoTrackID\" or local-name()=\"AudioTrackID\"]/text()' mmc.xml); do xmllint --xpath \"//*[local-name()='Inventory']/*[@VideoTrackID='\$id' or @AudioTrackID='\$id']\" mmc.xml >/dev/null || exit 1; done"
ok "EBUCore has title, ids and people" bash -c "xmllint --xpath '//*[local-name()=\"identifier\"][@typeLabel=\"EIDR\"]' ebucore.xml && xmllint --xpath '//*[local-name()=\"name\" and .=\"Ann Lee\"]' ebucore.xml"
ok "a sidecar that lacks something says what" says 'missing: work.title' 2 "$posthouse" map first.mov --sidecar itunes --provider Haus
echo "1..$number"
exit $bad
