// The fields of the record: the only list of them.
#include "formats/metadata/metadata.h"

#include <string.h>

#define ROLES                                                                                      \
    "main alternate commentary described sdh cc forced subtitle m&e music effects dialogue dub "   \
    "trailer angle"

static const struct metadata_field fields[] = {
    {"work.title", METADATA_WORK, METADATA_TEXT, NULL, "its title, of an episode the episode's"},
    {"work.original_title", METADATA_WORK, METADATA_TEXT, NULL, "its title where it was made"},
    {"work.sort_title", METADATA_WORK, METADATA_TEXT, NULL, "its title as it is sorted"},
    {"work.type", METADATA_WORK, METADATA_WORD,
     "feature episode season series short trailer promotion documentary commercial music other",
     "what kind of work"},
    {"work.series", METADATA_WORK, METADATA_TEXT, NULL, "title of the series"},
    {"work.season", METADATA_WORK, METADATA_WHOLE, NULL, "number of the season"},
    {"work.episode", METADATA_WORK, METADATA_WHOLE, NULL, "number of the episode"},
    {"work.synopsis", METADATA_WORK, METADATA_TEXT, NULL, "what happens, long"},
    {"work.description", METADATA_WORK, METADATA_TEXT, NULL, "what it is, short"},
    {"work.comment", METADATA_WORK, METADATA_TEXT, NULL, "whatever else is said of it"},
    {"work.genre", METADATA_WORK, METADATA_TEXT, NULL, "genres, parted by '; '"},
    {"work.keywords", METADATA_WORK, METADATA_TEXT, NULL, "keywords, parted by '; '"},
    {"work.date", METADATA_WORK, METADATA_DATE, NULL, "when it came out first"},
    {"work.country", METADATA_WORK, METADATA_TEXT, NULL, "where it was made (ISO 3166-1)"},
    {"work.language", METADATA_WORK, METADATA_LANGUAGE, NULL, "the language it was made in"},
    {"work.rating", METADATA_WORK, METADATA_TEXT, NULL, "for what age, as a board said it"},
    {"work.rating_system", METADATA_WORK, METADATA_TEXT, NULL, "whose rating it is (MPAA, BBFC)"},
    {"work.company", METADATA_WORK, METADATA_TEXT, NULL, "who produced it"},
    {"work.network", METADATA_WORK, METADATA_TEXT, NULL, "who shows or distributes it"},
    {"work.eidr", METADATA_WORK, METADATA_TEXT, NULL, "EIDR of the title (10.5240/...)"},
    {"work.isan", METADATA_WORK, METADATA_TEXT, NULL, "ISAN (ISO 15706)"},
    {"work.house_id", METADATA_WORK, METADATA_TEXT, NULL, "the house's own number of it"},
    {"work.vendor_id", METADATA_WORK, METADATA_TEXT, NULL, "its id at the outlet"},
    {"work.provider", METADATA_WORK, METADATA_TEXT, NULL, "short name of who delivers it"},
    {"version.name", METADATA_VERSION, METADATA_TEXT, NULL, "which cut it is"},
    {"version.eidr", METADATA_VERSION, METADATA_TEXT, NULL, "EIDR of this edit or manifestation"},
    {"version.umid", METADATA_VERSION, METADATA_TEXT, NULL, "UMID (SMPTE ST 330), hexadecimal"},
    {"version.created", METADATA_VERSION, METADATA_DATE, NULL, "when the master was made"},
    {"version.software", METADATA_VERSION, METADATA_TEXT, NULL, "what made the file"},
    {"version.reel", METADATA_VERSION, METADATA_TEXT, NULL, "reel or tape it comes from"},
    {"version.scene", METADATA_VERSION, METADATA_TEXT, NULL, "scene"},
    {"version.take", METADATA_VERSION, METADATA_TEXT, NULL, "take"},
    {"version.history", METADATA_VERSION, METADATA_TEXT, NULL, "coding history (EBU Tech 3285)"},
    {"rights.copyright", METADATA_RIGHTS, METADATA_TEXT, NULL, "the copyright line"},
    {"rights.holder", METADATA_RIGHTS, METADATA_TEXT, NULL, "who holds the rights"},
    {"rights.terms", METADATA_RIGHTS, METADATA_TEXT, NULL, "what may be done with it"},
    {"rights.territories", METADATA_RIGHTS, METADATA_TEXT, NULL, "where, parted by '; '"},
    {"rights.start", METADATA_RIGHTS, METADATA_DATE, NULL, "from when"},
    {"rights.end", METADATA_RIGHTS, METADATA_DATE, NULL, "until when"},
    {"timecode.start", METADATA_TIMECODE, METADATA_TEXT, NULL, "label of the first frame"},
    {"timecode.rate", METADATA_TIMECODE, METADATA_TEXT, NULL, "frames a second, a fraction"},
    {"timecode.drop", METADATA_TIMECODE, METADATA_FLAG, NULL, "whether labels are dropped"},
    {"timecode.frames", METADATA_TIMECODE, METADATA_WHOLE, NULL, "how many frames there are"},
    {"broadcast.shim", METADATA_BROADCAST, METADATA_TEXT, NULL, "name of the AS-11 shim"},
    {"broadcast.production_number", METADATA_BROADCAST, METADATA_TEXT, NULL, "of the programme"},
    {"broadcast.audio_layout", METADATA_BROADCAST, METADATA_TEXT, NULL, "as EBU R 48 or R 123"},
    {"broadcast.loudness", METADATA_BROADCAST, METADATA_WORD, "none r128", "the rule it follows"},
    {"broadcast.line_up_start", METADATA_BROADCAST, METADATA_TEXT, NULL, "timecode of the line-up"},
    {"broadcast.clock_start", METADATA_BROADCAST, METADATA_TEXT, NULL, "timecode of the clock"},
    {"broadcast.parts", METADATA_BROADCAST, METADATA_WHOLE, NULL, "how many parts"},
    {"broadcast.completed", METADATA_BROADCAST, METADATA_DATE, NULL, "day it was finished"},
    {"broadcast.pse", METADATA_BROADCAST, METADATA_WORD, "yes no untested", "flash test passed"},
    {"broadcast.pse_device", METADATA_BROADCAST, METADATA_TEXT, NULL, "with which device"},
    {"broadcast.signing", METADATA_BROADCAST, METADATA_FLAG, NULL, "sign language in the picture"},
    {"broadcast.open_captions", METADATA_BROADCAST, METADATA_FLAG, NULL, "captions burnt in"},
    {"broadcast.contact_email", METADATA_BROADCAST, METADATA_TEXT, NULL, "whom to ask"},
    {"broadcast.contact_phone", METADATA_BROADCAST, METADATA_TEXT, NULL, "whom to ask"},
    {"localised.language", METADATA_LOCALISED, METADATA_LANGUAGE, NULL, "of what follows"},
    {"localised.title", METADATA_LOCALISED, METADATA_TEXT, NULL, "title in that language"},
    {"localised.description", METADATA_LOCALISED, METADATA_TEXT, NULL, "in that language, short"},
    {"localised.synopsis", METADATA_LOCALISED, METADATA_TEXT, NULL, "in that language, long"},
    {"person.role", METADATA_PERSON, METADATA_TEXT, NULL, "director, actor, writer, ..."},
    {"person.name", METADATA_PERSON, METADATA_TEXT, NULL, "as it is credited"},
    {"person.character", METADATA_PERSON, METADATA_TEXT, NULL, "whom an actor plays"},
    {"track.kind", METADATA_TRACK, METADATA_WORD, "picture sound caption data", "what it holds"},
    {"track.stream", METADATA_TRACK, METADATA_WHOLE, NULL, "its number in the file"},
    {"track.codec", METADATA_TRACK, METADATA_TEXT, NULL, "how it is coded"},
    {"track.language", METADATA_TRACK, METADATA_LANGUAGE, NULL, "spoken or written"},
    {"track.role", METADATA_TRACK, METADATA_WORD, ROLES, "what it is for"},
    {"track.title", METADATA_TRACK, METADATA_TEXT, NULL, "its name for people"},
    {"track.angle", METADATA_TRACK, METADATA_WHOLE, NULL, "number of the camera angle"},
    {"track.layout", METADATA_TRACK, METADATA_TEXT, NULL, "of its channels"},
    {"track.channels", METADATA_TRACK, METADATA_WHOLE, NULL, "how many"},
    {"track.sample_rate", METADATA_TRACK, METADATA_WHOLE, NULL, "Hz"},
    {"track.bits", METADATA_TRACK, METADATA_WHOLE, NULL, "a sample"},
    {"track.isrc", METADATA_TRACK, METADATA_TEXT, NULL, "ISRC (ISO 3901) of a recording"},
    {"track.width", METADATA_TRACK, METADATA_WHOLE, NULL, "pixels"},
    {"track.height", METADATA_TRACK, METADATA_WHOLE, NULL, "pixels"},
    {"track.pixel_aspect", METADATA_TRACK, METADATA_TEXT, NULL, "as 1:1"},
    {"track.scan", METADATA_TRACK, METADATA_TEXT, NULL, "progressive, top, bottom"},
    {"track.primaries", METADATA_TRACK, METADATA_TEXT, NULL, "colour primaries"},
    {"track.transfer", METADATA_TRACK, METADATA_TEXT, NULL, "transfer function"},
    {"track.matrix", METADATA_TRACK, METADATA_TEXT, NULL, "of colour differences"},
    {"track.range", METADATA_TRACK, METADATA_TEXT, NULL, "limited, full"},
    {"track.mastering", METADATA_TRACK, METADATA_TEXT, NULL, "the mastering display (ST 2086)"},
    {"track.max_cll", METADATA_TRACK, METADATA_WHOLE, NULL, "brightest pixel, cd/m2"},
    {"track.max_fall", METADATA_TRACK, METADATA_WHOLE, NULL, "brightest frame, cd/m2"},
    {"track.clean_aperture", METADATA_TRACK, METADATA_TEXT, NULL, "width x height of clap"},
    {"chapter.start", METADATA_CHAPTER, METADATA_WHOLE, NULL, "ticks of 1/720000 s"},
    {"chapter.title", METADATA_CHAPTER, METADATA_TEXT, NULL, "its title"},
    {"marker.at", METADATA_MARKER, METADATA_WHOLE, NULL, "ticks of 1/720000 s"},
    {"marker.kind", METADATA_MARKER, METADATA_TEXT, NULL, "FFOC, LFOC, ... (ST 2067-3) or none"},
    {"marker.title", METADATA_MARKER, METADATA_TEXT, NULL, "what it says"},
};
enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

static const char *const groups[METADATA_GROUPS] = {"work",      "version",   "rights", "timecode",
                                                    "broadcast", "localised", "people", "tracks",
                                                    "chapters",  "markers"};

const struct metadata_field *metadata_fields(size_t *count)
{
    *count = FIELDS;
    return fields;
}

const struct metadata_field *metadata_field_named(text name)
{
    for (size_t i = 0; i < FIELDS; i++)
        if (text_is(name, fields[i].name))
            return &fields[i];
    return NULL;
}

const char *metadata_group_name(enum metadata_group group)
{
    return groups[group];
}
