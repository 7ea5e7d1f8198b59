#!/usr/bin/env bash
# originals.sh POSTHOUSE FOLDER: headers of real cameras beside ExifTool. The files are those that ExifTool's own tests read; Debian's
# source package has them (fetched below FOLDER, without touching this machine's lists). Skipped without it or without exiftool.
set -uo pipefail
posthouse=$(realpath "$1") folder=$2
mkdir -p "$folder"
folder=$(realpath "$folder")
fetch() {
  mkdir -p "$folder"/apt/{lists/partial,cache/archives/partial,parts,source} &&
    sed 's/^Types: deb$/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >"$folder/apt/parts/source.sources" || return 1
  local own=(-o Dir::Etc::SourceList=- -o "Dir::Etc::SourceParts=$folder/apt/parts" -o "Dir::State::Lists=$folder/apt/lists" -o "Dir::Cache=$folder/apt/cache" -o APT::Sandbox::User=root)
  apt-get "${own[@]}" -q update && cd "$folder/apt/source" && apt-get "${own[@]}" -q source --download-only libimage-exiftool-perl &&
    tar -xf libimage-exiftool-perl_*.orig.tar.xz && cp -r ./*/t/images "$folder/images.part" && mv "$folder/images.part" "$folder/images"
}
[ -d "$folder/images" ] || (fetch) >"$folder/fetch.log" 2>&1
if [ ! -f "$folder/images/Red.r3d" ] || ! command -v exiftool >/dev/null; then
  echo "1..0 # SKIP ExifTool or the files that its tests read can not be had ($folder/fetch.log)"
  exit 0
fi
number=0
same() { # same WHAT OURS THEIRS
  number=$((number + 1))
  if [ -n "$3" ] && [ "$2" = "$3" ]; then echo "ok $number - $1"; else echo "not ok $number - $1: '$2', and exiftool says '$3'"; fi
}
tag() { exiftool -s3 "-$2" "$folder/images/$1"; }
ours() { "$posthouse" probe --json "$folder/images/$1" 2>/dev/null | node -e 'let t="";process.stdin.on("data",d=>t+=d).on("end",()=>{try{const j=JSON.parse(t);console.log(String(eval("j"+process.argv[1])))}catch(e){console.log("error "+e)}})' "$2"; }
echo "1..12"
same "RED: width" "$(ours Red.r3d .video[0].width)" "$(tag Red.r3d ImageWidth)"
same "RED: height" "$(ours Red.r3d .video[0].height)" "$(tag Red.r3d ImageHeight)"
same "RED: rate" "$(ours Red.r3d .rate)" "$(tag Red.r3d FrameRate | sed 's|^23.976$|24000/1001|')"
same "RED: timecode" "$(ours Red.r3d .timecode.start)" "$(tag Red.r3d StartTimecode)"
same "RED: the reel is the camera's letter and its roll" "$(ours Red.r3d .camera.reel)" "$(tag Red.r3d CameraType)$(tag Red.r3d ReelNumber)"
same "RED: the clip is what the camera called its file" "$(ours Red.r3d .camera.clip)" "$(tag Red.r3d OriginalFileName | sed 's/_[0-9]*\.R3D$//')"
same "RED: camera" "$(ours Red.r3d .camera.model)" "$(tag Red.r3d CameraModelName | grep . || tag Red.r3d Model)"
same "a Canon still is no film" "$(ours CanonRaw.cr3 .camera.format)" "$([ "$(tag CanonRaw.cr3 FileType)" = CR3 ] && echo 'Canon RAW still')"
same "Canon: camera" "$(ours CanonRaw.cr3 .camera.model)" "$(tag CanonRaw.cr3 Model)"
same "DNG: camera" "$(ours DNG.dng .camera.model)" "$(tag DNG.dng UniqueCameraModel)"
same "DNG: width" "$(ours DNG.dng .video[0].width)" "$(exiftool -s3 -SubIFD:ImageWidth "$folder/images/DNG.dng" | head -1)"
same "MXF: sound" "$(ours MXF.mxf .audio[0].sample_rate)" "$(tag MXF.mxf AudioSampleRate)"
