"""What OpenTimelineIO and its adapters see in our notes: places, lengths, words."""
import sys
import opentimelineio as otio
from opentimelineio.opentime import RationalTime

folder = sys.argv[1]
places = [(0, 1), (240, 1), (480, 48)]
words = ["too dark", "lines & <marks>", "café, too long"]
number = 0


def check(what, good, why=""):
    global number
    number += 1
    print(f"{'ok' if good else 'not ok'} {number} - {what}{'' if good else f': {why}'}")


def markers_of(thing):
    found = list(getattr(thing, "markers", []))
    for child in thing if isinstance(thing, otio.core.Composition) else []:
        found += markers_of(child)
    return found


print("1..8")
t = otio.adapters.read_from_file(f"{folder}/show.otio")
m = markers_of(t.tracks)
check("otio: a timeline of its schema, start and rate", t.global_start_time == RationalTime(86400, 24000 / 1001), t.global_start_time)
check("otio: three markers where they were put", [(int(x.marked_range.start_time.value), int(x.marked_range.duration.value)) for x in m] == places, m)
check("otio: their words", [x.comment for x in m] == words, [x.comment for x in m])

t = otio.adapters.read_from_file(f"{folder}/show.xml", adapter_name="fcp_xml")
t = t if isinstance(t, otio.schema.Timeline) else t[0]
m = sorted(markers_of(t.tracks), key=lambda x: x.marked_range.start_time.value)
seen = [int(x.marked_range.start_time.value) for x in m]
check("xmeml: a sequence of 2,400 frames at 23.976 from 01:00:00:00", t.global_start_time is not None and int(t.global_start_time.value) == 86400 and int(t.duration().value) == 2400, (t.global_start_time, t.duration()))
check("xmeml: three markers where they were put", seen == [a for a, _ in places], seen)
check("xmeml: their words", [x.comment if hasattr(x, "comment") and x.comment else x.metadata.get("fcp_xml", {}).get("comment") for x in m] == words, [x.metadata for x in m])

t = otio.adapters.read_from_file(f"{folder}/show.fcpxml", adapter_name="fcpx_xml")
check("fcpxml: is read", t is not None)

t = otio.adapters.read_from_file(f"{folder}/show.edl", adapter_name="cmx_3600", rate=24, ignore_timecode_mismatch=True)
clips = [c for c in t.find_clips()]
starts = [int(c.range_in_parent().start_time.value) for c in clips]
check("resolve-edl: three events at the notes' timecodes", len(clips) == 3, starts)
