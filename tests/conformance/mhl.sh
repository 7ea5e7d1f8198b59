#!/usr/bin/env bash
# mhl.sh POSTHOUSE FOLDER: ASC MHL beside its reference tool (ascmhl of PyPI, in a venv below FOLDER): both make the same
# digests, each verifies and carries on the other's history. Skipped without it.
set -uo pipefail
posthouse=$(realpath "$1") folder=$2
wanted="ascmhl==1.2"
mkdir -p "$folder"
folder=$(realpath "$folder")
if [ "$(cat "$folder/venv/made-of" 2>/dev/null)" != "$wanted" ]; then
  rm -rf "$folder/venv"
  if ! { python3 -m venv "$folder/venv" && "$folder/venv/bin/pip" -q install --disable-pip-version-check $wanted; } >"$folder/venv.log" 2>&1; then
    echo "1..0 # SKIP the reference tool can not be had from PyPI ($folder/venv.log)"
    exit 0
  fi
  echo "$wanted" >"$folder/venv/made-of"
fi
export PYTHONDONTWRITEBYTECODE=1 TZ=UTC
reference=$folder/venv/bin/ascmhl
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0
is() { # is WHAT STATUS-WANTED STATUS
  number=$((number + 1))
  if [ "$2" = "$3" ]; then echo "ok $number - $1"; else echo "not ok $number - $1: $3, not $2"; tail -5 "$work/said" | sed 's/^/# /'; fi
}
card() { # card NAME: a card with what is hard: empty files and folders, names with spaces, umlauts, marks of XML
  mkdir -p "$work/$1/Clips/A001/deep" "$work/$1/empty" "$work/$1/Sound & more"
  head -c 3000000 /dev/zero | tr '\0' 'x' >"$work/$1/Clips/A001/A001C001.mov"
  echo two >"$work/$1/Clips/A001/deep/A001C002.mov"
  echo three >"$work/$1/Sound & more/tön <1>.wav"
  : >"$work/$1/zero"
  echo four >"$work/$1/Zed.txt"
}
digests() { grep -oE '<(c4|md5|sha1|xxh128|xxh3|xxh64)[^>]*>[^<]+' "$1" | sed -E 's/ hashdate="[^"]*"//' | sort; }
echo "1..22"
card ours; card theirs; cp -a "$work/ours/." "$work/theirs/"
"$posthouse" mhl create "$work/ours" --hash c4,md5,sha1,xxh128,xxh3,xxh64 >"$work/said" 2>&1; is "ours makes a history" 0 $?
"$reference" create -h c4 -h md5 -h sha1 -h xxh128 -h xxh3 -h xxh64 "$work/theirs" >"$work/said" 2>&1; is "the reference makes one" 0 $?
diff <(digests "$work"/ours/ascmhl/0001_*.mhl) <(digests "$work"/theirs/ascmhl/0001_*.mhl) >"$work/said"; is "all digests of files, folders and structure are the same" 0 $?
"$reference" create -h xxh64 "$work/ours" >"$work/said" 2>&1; is "the reference verifies ours and adds a generation" 0 $?
"$posthouse" mhl verify "$work/ours" >"$work/said" 2>&1; is "ours verifies after it" 0 $?
"$posthouse" mhl verify "$work/theirs" >"$work/said" 2>&1; is "ours verifies the reference's" 0 $?
"$posthouse" mhl create "$work/theirs" --hash md5 >"$work/said" 2>&1; is "ours adds a generation to it" 0 $?
"$reference" diff "$work/theirs" >"$work/said" 2>&1; is "which the reference takes" 0 $?
"$reference" create -h sha1 "$work/theirs" >"$work/said" 2>&1; is "and carries on" 0 $?
# a history inside a history
mkdir -p "$work/nest/reel" && echo 5 >"$work/nest/reel/a" && echo 6 >"$work/nest/b"
"$posthouse" mhl create "$work/nest/reel" >"$work/said" 2>&1 && "$posthouse" mhl create "$work/nest" >"$work/said" 2>&1; is "ours makes a history round another" 0 $?
"$reference" create -h xxh64 "$work/nest" >"$work/said" 2>&1; is "which the reference verifies" 0 $?
"$posthouse" mhl verify "$work/nest" >"$work/said" 2>&1; is "and ours after it" 0 $?
# one byte
printf y | dd of="$work/ours/Clips/A001/A001C001.mov" bs=1 seek=1234567 conv=notrunc 2>/dev/null
"$posthouse" mhl create "$work/ours" >"$work/said" 2>&1; is "a changed byte is found, and recorded as failed" 1 $?
"$reference" create -h xxh64 "$work/ours" >"$work/said" 2>&1; is "the reference finds it after that, too" 11 $?
rm "$work/theirs/Zed.txt"
"$posthouse" mhl diff "$work/theirs" >"$work/said" 2>&1; is "a missing file is found without reading" 1 $?
# what an offload writes, and a card that the reference has given a history
mkdir "$work/a" "$work/b"; card cam
offload() { "$posthouse" offload "$1" --to one="$work/a" --to two="$work/b" --pictures 0 --reports "$work/reports" --house.folder="$work/none" "${@:2}"; }
export HOME=$work/home XDG_CONFIG_HOME=$work/config; mkdir -p "$HOME"
offload "$work/cam" --hash c4,xxh128,md5 >"$work/said" 2>&1; is "a card is offloaded with a generation on each copy" 0 $?
"$reference" create -h xxh128 "$work/a/cam" >"$work/said" 2>&1; is "which the reference verifies" 0 $?
"$reference" create -h c4 "$work/b/cam" >"$work/said" 2>&1; is "at the other place, too" 0 $?
card given; "$reference" create -h sha1 "$work/given" >"$work/said" 2>&1
offload "$work/given" >"$work/said" 2>&1; is "a card with a history of the reference is offloaded and compared with it" 0 $?
grep -q 'own lists: 5 compared, 0 not the same' "$work/said"; is "all its files were" 0 $?
"$reference" create -h sha1 "$work/a/given" >"$work/said" 2>&1; is "the reference goes on with the history of the copy" 0 $?
printf y | dd of="$work/given/Clips/A001/A001C001.mov" bs=1 seek=1234567 conv=notrunc 2>/dev/null; rm -rf "$work/a/given" "$work/b/given"
offload "$work/given" >"$work/said" 2>&1; is "a byte that changed on the card keeps it from being safe" 1 $?
