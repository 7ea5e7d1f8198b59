"""Our Avid log as OpenTimelineIO's ALE adapter reads it, and its own as we read that. Speaks TAP."""
import subprocess
import sys

import opentimelineio as otio

tool, work = sys.argv[1:]
number = bad = 0


def ok(name, seen, wanted):
    global number, bad
    number += 1
    if seen == wanted:
        print(f"ok {number} {name}")
    else:
        bad = 1
        print(f"not ok {number} {name}\n# seen {seen!r}\n# wanted {wanted!r}")


ours = f"{work}/ours.ale"
read = otio.adapters.read_from_file(ours, fps=24)
clips = list(read)
ok("every row is a clip", [c.name for c in clips], ["A001C001", "A001C002"])
ok("starts are where we said", [otio.opentime.to_timecode(c.source_range.start_time, 24) for c in clips], ["01:00:00:00", "01:00:10:00"])
ok("and lengths", [int(c.source_range.duration.value) for c in clips], [240, 60])
ok("our columns are its metadata", [clips[0].metadata["ALE"][k] for k in ("Tape", "Scene", "Take", "Comments")], ["A001", "24A", "3", 'good, "soft" start'])
theirs = f"{work}/theirs.ale"
otio.adapters.write_to_file(read, theirs, fps=24, video_format="1080", columns=["Name", "Tracks", "Start", "End", "Tape", "Scene", "Take", "Comments"])
cells = {}
for line in subprocess.run([tool, "read", theirs], check=True, capture_output=True, text=True).stdout.splitlines():
    row, head, cell = line.split("\t")
    cells[int(row), head] = cell
ok("its log is read by us, with all that we had said", [[cells.get((row, head)) for head in ("Name", "Start", "End", "Tape", "Scene", "Take")] for row in (0, 1)],
   [["A001C001", "01:00:00:00", "01:00:10:00", "A001", "24A", "3"], ["A001C002", "01:00:10:00", "01:00:12:12", "A001", "24A", "4"]])
print(f"1..{number}")
sys.exit(bad)
