#!/usr/bin/env bash
# Viewing transforms in a house: tables, corrections and a configuration are made ready, set for a project, a folder and
# an asset, and what is seen follows; mistakes are said with their line; deliverables stay as they are. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
. "$(dirname "$0")/bring_lib.sh"

# A frame of one grey, as code values of a log camera whose file says nothing of it.
ffmpeg -v error -f lavfi -i color=c=0x606060:s=64x36:r=24:d=0.5 -pix_fmt yuv420p -c:v libx264 -preset ultrafast A001C003.mov
to_rgb=scale=in_color_matrix=bt709:in_range=tv:out_range=full,format=rgb24
ffmpeg -v error -i A001C003.mov -frames:v 1 -vf $to_rgb -f rawvideo own && own=$(od -An -tu1 -N1 own | tr -d ' ')
printf 'TITLE "half"\nLUT_1D_SIZE 2\n0 0 0\n.5 .5 .5\n' >half.cube
printf 'LUT_3D_SIZE 2\n1 1 1\n0 1 1\n1 0 1\n0 0 1\n1 1 0\n0 1 0\n1 0 0\n0 0 0\n' >negative.cube
printf 'LUT_3D_SIZE 2\n0 0 0\n1 0\n' >broken.cube
printf 'TITLE: day\n001  A001C003 V C 00:00:00:00 00:00:00:12 00:00:00:00 00:00:00:12\n*ASC_SOP (2 2 2)(0 0 0)(1 1 1)\n*ASC_SAT 1\n' >day.edl
mkdir -p studio/luts && printf 'secret' >secret.spi1d
printf 'Version 1\nFrom 0.0 1.0\nLength 2\nComponents 1\n{\n0.0\n0.25\n}\n' >studio/luts/quarter.spi1d
config() { # config FILE TABLE
  printf 'ocio_profile_version: 2\nsearch_path: luts\nroles: {scene_linear: lin, default: lin}\nfile_rules:\n  - !<Rule> {name: Default, colorspace: default}\ndisplays:\n  screen:\n    - !<View> {name: Film, colorspace: out}\ncolorspaces:\n  - !<ColorSpace> {name: lin, encoding: scene-linear}\n  - !<ColorSpace> {name: log, encoding: log}\n  - !<ColorSpace>\n    name: out\n    from_scene_reference: !<FileTransform> {src: %s, interpolation: linear}\n' "$2" >"$1"
}
config studio/config.ocio quarter.spi1d; config studio/outside.ocio ../../secret.spi1d; config studio/missing.ocio nowhere.spi1d

ok "a broken table is said with its line" says 'line 3: 3 numbers are wanted here, there are 2' 1 "$posthouse" colour check broken.cube
ok "a good one is told from it" says 'half.cube can be used' 0 "$posthouse" colour check half.cube
ok "a configuration says what there is to choose" says 'display +screen: Film' 0 "$posthouse" colour check studio/config.ocio
head -c 300 studio/config.ocio >studio/cut.ocio
ok "one that is cut off is said with why" says 'cut.ocio can not be used' 1 "$posthouse" colour check studio/cut.ocio
ok "the probe says that nothing is stated" says 'not stated' 0 "$posthouse" probe A001C003.mov

ok "the house opens" open_with_project
ok "a clip comes in" put A001C003.mov --folder Day/Rushes
asset=$(ask GET "/projects/$project/assets" | field '.items[0].id')
ok "it is ready" until_true 120 state_is "$asset" ready
version=$(ask GET "/assets/$asset" | field .version.id)

# ---- what is seen: the grey of the review film, 0..255
colour_now() { ask GET "/versions/$version/colour" >colour.json; }
shown() { # shown NAME: this set is shown, and its proxies are there
  colour_now && holds "a.sets.some(s=>s.shown&&s.state===\"ready\"&&(s.name??\"\")===\"$1\")" colour.json
}
grey() { # grey NAME: of the set of that name
  colour_now
  local url; url=$(node -e 'const a=JSON.parse(require("fs").readFileSync("colour.json"));console.log(a.sets.find(s=>(s.name??"")===process.argv[1]).derived.find(d=>d.kind==="review").url)' "$1")
  curl -sSk --fail "$url" -o review.mp4 && ffmpeg -v error -y -i review.mp4 -frames:v 1 -vf $to_rgb -f rawvideo rgb && od -An -tu1 -N1 rgb | tr -d ' '
}
near() { [ $(($1 - $2)) -le 5 ] && [ $(($2 - $1)) -le 5 ] || { echo "seen $1, wanted $2"; return 1; }; }
ok "nobody has chosen anything, and the file says nothing: it is seen as it is" bash -c "$(declare -f ask holds colour_now shown); url=$url token=$token version=$version; shown '' && holds 'a.from===null&&a.colour.stated===false' colour.json"
ok "its grey is the file's" near "$(grey '')" $own

ok "a table is made ready" here colour add Film half half.cube
ok "two are, one after the other" says 'brighter: a table' 0 here colour add Film brighter day.edl negative.cube
ok "a configuration is, with the one table that it opens" says 'quarter: a table of 8193' 0 here colour add Film quarter studio/config.ocio --space log --display screen --view Film
here colour list Film --json >list.json
ok "only what it opens was sent" holds 'a.transforms.find(t=>t.name==="quarter").files.map(f=>f.name).sort().join()==="config.ocio,luts/quarter.spi1d"' list.json
ok "a broken one is refused with its line" says "line 3" 1 bash -c "'$posthouse' colour add Film broken broken.cube --house.folder=$house; exit \$(( \$? ? 1 : 0 ))"
ok "one that leads outside of its folder finds nothing there" says 'not in the folder given' 1 bash -c "'$posthouse' colour add Film outside studio/outside.ocio --space log --display screen --view Film --house.folder=$house; exit \$(( \$? ? 1 : 0 ))"
ok "a table that is not there is named" says 'nowhere.spi1d, which is not in the folder given' 1 bash -c "'$posthouse' colour add Film missing studio/missing.ocio --space log --display screen --view Film --house.folder=$house; exit \$(( \$? ? 1 : 0 ))"

ok "one is set for the project" says "through 'half'" 0 here colour set Film half
ok "proxies through it are made, and shown" until_true 120 shown half
ok "half of the grey is seen" near "$(grey half)" $((own / 2))
ok "the proxies as it is are still there" near "$(grey '')" $own
ok "the clip stayed ready, and no version came" bash -c "$(declare -f ask field state_is); url=$url token=$token; state_is $asset ready"
ok "the nearer folder counts" bash -c "'$posthouse' colour set Film/Day/Rushes brighter --house.folder=$house"
ok "and is seen" until_true 120 shown brighter
ok "the correction before the table" near "$(grey brighter)" $((255 - 2 * own))
ok "none for the clip is a choice" here colour set Film/Day/Rushes/A001C003.mov none
ok "and at once there" until_true 60 shown ''
colour_now
ok "it says who chose it, and where" holds 'a.from==="asset"&&a.by!==null&&a.transform===null' colour.json
ok "what is set can not be removed" says 'in use' 3 bash -c "'$posthouse' colour remove Film half --house.folder=$house; exit \$(( \$? ? 3 : 0 ))"
ok "unset, the folder counts again" bash -c "'$posthouse' colour unset Film/Day/Rushes/A001C003.mov --house.folder=$house"
ok "and what was made before is shown" until_true 60 shown brighter
third=$(node -e 'console.log(JSON.parse(require("fs").readFileSync("list.json")).transforms.find(t=>t.name==="quarter").id)')
ok "another may be looked through without being set" ask POST "/versions/$version/colour" "{\"transform\":\"$third\"}"
there() { colour_now && holds "a.sets.find(s=>s.name===\"quarter\").state===\"ready\"" colour.json; }
ok "it is made" until_true 120 there
ok "it is a quarter" near "$(grey quarter)" $((own / 4))
ok "the one that is set is still the one shown" shown brighter
frame_ready() { ask POST "/versions/$version/frames" "{\"frame\":3,\"transform\":\"$third\"}" >frame.json && holds 'a.state==="ready"' frame.json; }
ok "a paused frame of the original is seen through it" until_true 120 frame_ready
curl -sSk --fail "$(field '.files.find(f=>f.kind==="picture").url' <frame.json)" -o frame.png && ffmpeg -v error -y -i frame.png -vf format=rgb24 -f rawvideo rgb
ok "it is a quarter too" near "$(od -An -tu1 -N1 rgb | tr -d ' ')" $((own / 4))
ok "through one of another project it is not" bash -c "! curl -sS --fail -X POST -H 'Authorization: Bearer $token' -H 'Content-Type: application/json' -d '{\"frame\":3,\"transform\":\"$asset\"}' $url/api/v1/versions/$version/frames"
# ---- moved to where another one is set
folder() { ask POST "/projects/$project/folders" "{\"name\":\"$1\"}" | field .id; }
plain=$(folder Plain) other=$(folder Other)
ok "one is set for another folder" here colour set Film/Other quarter
ok "the clip is moved to where only the project's counts" ask PATCH "/assets/$asset" "{\"folder\":\"$plain\"}"
ok "and is seen through the project's" until_true 120 shown half
ok "its folder is moved into the other one" ask PATCH "/folders/$plain" "{\"parent\":\"$other\"}"
ok "and it is seen through what is set there" until_true 120 shown quarter
ok "by itself, and with who chose it" holds 'a.from==="folder"&&a.name==="quarter"' colour.json
# ---- what leaves the house is as it was
ok "a deliverable is ordered" here deliver "$asset" --profile web-h264-720p --out delivered
ok "it has no viewing transform in it" bash -c "$(declare -f near); ffmpeg -v error -y -i delivered/* -frames:v 1 -vf $to_rgb -f rawvideo rgb && near \$(od -An -tu1 -N1 rgb) $own"
ok "the house closes" close_house
finish
