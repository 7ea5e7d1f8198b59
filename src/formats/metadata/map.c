/*
 * From what stands in a file to the record, and from the record to what is to stand in one.
 *
 * The rows of a table are in the order in which they are believed: the first place that says a
 * value is its source. Writing, each row of a field is written, so that every reader finds the one
 * it looks at; the report tells of the best.
 */
#include "formats/metadata/inside.h"
#include "time/rational.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *const metadata_fates[] = {"kept", "changed", "truncated", "no home"};

// ---- from Facts

struct reading {
    struct arena *a;
    struct metadata *m;
    const json_t *facts;
    const char *file;
};

static void put(struct reading *r, const struct metadata_field *field, size_t item,
                const char *value, const char *where)
{
    if (value && *value && !metadata_find(r->m, field->name, item))
        (void)metadata_set(r->m, field, item, text_of(value),
                           &(struct metadata_source){.file = r->file, .where = where});
}

static void put_named(struct reading *r, const char *field, size_t item, const json_t *value,
                      const char *where)
{
    const struct metadata_field *f = metadata_field_named(text_of(field));
    char number[32];
    if (json_is_integer(value)) {
        snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
        put(r, f, item, number, where);
    } else if (json_is_string(value) && strcmp(json_string_value(value), "unknown")) {
        put(r, f, item, json_string_value(value), where);
    }
}

static const struct {
    const char *list, *kind;
    struct {
        const char *fact, *field;
    } of[14];
} tracks[] = {
    {"video",
     "picture",
     {{"index", "track.stream"},
      {"codec", "track.codec"},
      {"language", "track.language"},
      {"width", "track.width"},
      {"height", "track.height"},
      {"bits", "track.bits"},
      {"pixel_aspect", "track.pixel_aspect"},
      {"field_order", "track.scan"},
      {"primaries", "track.primaries"},
      {"transfer", "track.transfer"},
      {"matrix", "track.matrix"},
      {"range", "track.range"}}},
    {"audio",
     "sound",
     {{"index", "track.stream"},
      {"codec", "track.codec"},
      {"language", "track.language"},
      {"layout", "track.layout"},
      {"channels", "track.channels"},
      {"sample_rate", "track.sample_rate"},
      {"bits", "track.bits"}}},
    {"captions",
     "caption",
     {{"index", "track.stream"}, {"kind", "track.codec"}, {"language", "track.language"}}},
};

static void read_hdr(struct reading *r, const json_t *video, size_t item, const char *where)
{
    const json_t *hdr = json_object_get(video, "hdr");
    put_named(r, "track.mastering", item, json_object_get(hdr, "mastering"), where);
    put_named(r, "track.max_cll", item, json_object_get(hdr, "max_cll"), where);
    put_named(r, "track.max_fall", item, json_object_get(hdr, "max_fall"), where);
}

static void list_tracks(struct reading *r)
{
    size_t item = 0, k;
    const json_t *one;
    for (size_t i = 0; i < sizeof(tracks) / sizeof(tracks[0]); i++)
        json_array_foreach(json_object_get(r->facts, tracks[i].list), k, one)
        {
            put(r, metadata_field_named(text_of("track.kind")), item, tracks[i].kind, "stream");
            put_named(r, "track.stream", item, json_object_get(one, "index"), "stream");
            item++;
        }
}

static void read_tracks(struct reading *r, const struct metadata_table *t)
{
    size_t item = 0, k;
    const json_t *one;
    for (size_t i = 0; i < sizeof(tracks) / sizeof(tracks[0]); i++)
        json_array_foreach(json_object_get(r->facts, tracks[i].list), k, one)
        {
            const char *where = arena_format(
                r->a, "stream %lld", (long long)json_integer_value(json_object_get(one, "index")));
            for (size_t n = 0; n < 14 && tracks[i].of[n].fact; n++)
                put_named(r, tracks[i].of[n].field, item,
                          json_object_get(one, tracks[i].of[n].fact), where);
            read_hdr(r, one, item, where);
            // Elsewhere it may be the name of a program's handler of sound.
            if (t && strcmp(t->container, "mkv") == 0)
                put_named(r, "track.title", item, json_object_get(one, "title"), where);
            item++;
        }
}

static void read_timecode(struct reading *r)
{
    const json_t *tc = json_object_get(r->facts, "timecode");
    const char *from = json_string_value(json_object_get(tc, "from"));
    const char *where = from ? from : "stream";
    put_named(r, "timecode.start", 0, json_object_get(tc, "start"), where);
    if (tc)
        put(r, metadata_field_named(text_of("timecode.drop")), 0,
            json_is_true(json_object_get(tc, "drop")) ? "yes" : "no", where);
    if (json_array_size(json_object_get(r->facts, "video"))) {
        put_named(r, "timecode.rate", 0, json_object_get(r->facts, "rate"), "stream");
        put_named(r, "timecode.frames", 0, json_object_get(r->facts, "duration_frames"), "stream");
    }
}

static void read_chapters(struct reading *r)
{
    size_t i;
    const json_t *c;
    json_array_foreach(json_object_get(r->facts, "chapters"), i, c)
    {
        put_named(r, "chapter.start", i, json_object_get(c, "start"), "chapters");
        put_named(r, "chapter.title", i, json_object_get(c, "title"), "chapters");
    }
}

// The item of the track with that stream; SIZE_MAX: none.
static size_t item_of_stream(const struct metadata *m, int64_t stream)
{
    size_t count = metadata_items(m, METADATA_TRACK);
    for (size_t i = 0; i < count; i++)
        if (metadata_whole(m, "track.stream", i, -1) == stream)
            return i;
    return SIZE_MAX;
}

static size_t first_sound(const struct metadata *m)
{
    size_t count = metadata_items(m, METADATA_TRACK);
    for (size_t i = 0; i < count; i++)
        if (strcmp(metadata_text(m, "track.kind", i), "sound") == 0)
            return i;
    return 0;
}

static size_t localised(struct reading *r, const char *language, const char *where)
{
    char form[64];
    size_t count = metadata_items(r->m, METADATA_LOCALISED);
    if (!metadata_language(text_of(language), form))
        return SIZE_MAX;
    for (size_t i = 0; i < count; i++)
        if (strcmp(metadata_text(r->m, "localised.language", i), form) == 0)
            return i;
    put(r, metadata_field_named(text_of("localised.language")), count, form, where);
    return count;
}

static bool has_person(const struct metadata *m, const char *role, text name)
{
    size_t count = metadata_items(m, METADATA_PERSON);
    for (size_t i = 0; i < count; i++)
        if (strcmp(metadata_text(m, "person.role", i), role) == 0 &&
            text_is(name, metadata_text(m, "person.name", i)))
            return true;
    return false;
}

static void add_people(struct reading *r, const struct metadata_row *row, const char *value)
{
    text left = text_of(value);
    while (left.size) {
        text name = text_trim(text_cut(&left, ';'));
        size_t item = metadata_items(r->m, METADATA_PERSON);
        if (!name.size || has_person(r->m, row->role, name))
            continue;
        put(r, metadata_field_named(text_of("person.role")), item, row->role, row->at);
        put(r, row->field, item, arena_copy(r->a, name.at, name.size), row->at);
    }
}

// A place of a day and one of a time of day say one value together.
static void add_time(struct reading *r, const struct metadata_row *row, const char *time)
{
    const char *day = metadata_text(r->m, row->field->name, 0);
    if (strlen(day) == 10 && strlen(time) == 8)
        (void)metadata_set(r->m, row->field, 0, text_of(arena_format(r->a, "%sT%s", day, time)),
                           &(struct metadata_source){.file = r->file, .where = row->at});
}

static void take(struct reading *r, const struct metadata_row *row, int64_t track, const char *at,
                 const char *written)
{
    const char *value = metadata_in(r->a, row, written);
    size_t item = 0;
    if (!value)
        return;
    if (row->role) {
        add_people(r, row, value);
        return;
    }
    if (strcmp(row->as, "time") == 0) {
        add_time(r, row, value);
        return;
    }
    if (row->field->group == METADATA_TRACK && !row->first)
        item = item_of_stream(r->m, track);
    else if (row->field->group == METADATA_TRACK)
        item = first_sound(r->m);
    else if (row->field->group == METADATA_LOCALISED)
        item = localised(r, strchr(at, '@') + 1, at);
    else if (row->field->group == METADATA_MARKER)
        item = track >= 0 && track < METADATA_VALUES ? (size_t)track : SIZE_MAX;
    if (item != SIZE_MAX)
        put(r, row->field, item, value, at);
}

// "xmp/dc:title@*" is any language's.
static bool lies_at(const struct metadata_row *row, const char *at)
{
    size_t size = strlen(row->at);
    if (size && row->at[size - 1] == '*')
        return strncmp(row->at, at, size - 1) == 0 && at[size - 1];
    return strcmp(row->at, at) == 0;
}

static void read_row(struct reading *r, const struct metadata_row *row)
{
    size_t i;
    const json_t *pair;
    const char *key;
    json_t *tag;
    if (strcmp(row->by, "av") == 0)
        json_object_foreach(json_object_get(r->facts, "tags"), key, tag)
        {
            if (strcasecmp(key, row->at + 3) == 0 && json_is_string(tag))
                take(r, row, -1, row->at, json_string_value(tag));
        }
    json_array_foreach(json_object_get(r->facts, "metadata"), i, pair)
    {
        const char *at = json_string_value(json_object_get(pair, "at"));
        const char *value = json_string_value(json_object_get(pair, "value"));
        const json_t *track = json_object_get(pair, "track");
        if (at && value && lies_at(row, at))
            take(r, row, track ? json_integer_value(track) : -1, at, value);
    }
}

struct metadata *metadata_of_facts(struct arena *a, const json_t *facts,
                                   const struct metadata_table *t, const char *file)
{
    struct reading r = {.a = a, .m = metadata_new(a), .facts = facts, .file = file};
    list_tracks(&r);
    for (size_t i = 0; t && i < t->count; i++)
        if (strcmp(t->rows[i].by, "muxer") && strcmp(t->rows[i].by, "later"))
            read_row(&r, &t->rows[i]);
    read_tracks(&r, t);
    read_timecode(&r);
    read_chapters(&r);
    return r.m;
}

// ---- into a container

struct mapping {
    struct arena *a;
    const struct metadata *m;
    const struct metadata_table *t;
    json_t *list; // entries, or NULL
};

static const char *joined(struct mapping *x, const char *role)
{
    struct buf all = BUF_LIMIT(METADATA_BYTES);
    size_t count = metadata_items(x->m, METADATA_PERSON);
    for (size_t i = 0; i < count; i++) {
        const char *name = metadata_text(x->m, "person.name", i);
        if (*name && !strcmp(metadata_text(x->m, "person.role", i), role))
            buf_format(&all, "%s%s", all.size ? "; " : "", name);
    }
    const char *to = arena_copy(x->a, all.at ? all.at : "", all.size);
    buf_free(&all);
    return to;
}

// Whether the container holds tracks of this one's kind.
static bool takes(const struct mapping *x, const struct metadata_value *v)
{
    return v->field->group != METADATA_TRACK || !x->t->tracks ||
           strstr(x->t->tracks, metadata_text(x->m, "track.kind", v->item));
}

// Whether this row is about this value.
static bool about(struct mapping *x, const struct metadata_row *row, const struct metadata_value *v)
{
    if (row->field != v->field)
        return false;
    if (row->role && strcmp(row->role, metadata_text(x->m, "person.role", v->item)) != 0)
        return false;
    if (row->field->group == METADATA_LOCALISED && strchr(row->at, '*') &&
        !*metadata_text(x->m, "localised.language", v->item))
        return false;
    for (size_t i = 0; row->first && i < v->item; i++) {
        const struct metadata_value *o = metadata_find(x->m, v->field->name, i);
        if (o && takes(x, o))
            return false;
    }
    return true;
}

static void entry(struct mapping *x, const struct metadata_row *row, const char *at, size_t item,
                  const char *value)
{
    if (!x->list)
        return;
    json_t *e = json_pack("{s:s, s:s, s:o}", "at", at, "by", row->by, "value",
                          value ? json_string(value) : json_null());
    if (row->field->group == METADATA_TRACK && !row->first)
        json_object_set_new(e, "track",
                            json_integer(metadata_whole(x->m, "track.stream", item, 0)));
    if (row->field->group == METADATA_MARKER)
        json_object_set_new(e, "track", json_integer((json_int_t)item));
    json_array_append_new(x->list, e);
}

static enum metadata_fate fate_of(struct mapping *x, const struct metadata_row *row,
                                  const struct metadata_value *v, const char *written, bool cut,
                                  const char **seen)
{
    struct metadata *back = metadata_new(x->a);
    const char *in = metadata_in(x->a, row, written);
    struct metadata_source none = {0};
    if (row->role) {
        text left = text_of(written);
        *seen = written;
        while (left.size)
            if (text_is(text_trim(text_cut(&left, ';')), v->value))
                return METADATA_KEPT;
        return cut ? METADATA_CUT : METADATA_CHANGED;
    }
    size_t item = v->field->group < METADATA_LOCALISED ? 0 : v->item;
    *seen = in && metadata_set(back, v->field, item, text_of(in), &none)
                ? metadata_text(back, v->field->name, item)
                : written;
    return strcmp(*seen, v->value) == 0 ? METADATA_KEPT : cut ? METADATA_CUT : METADATA_CHANGED;
}

static void map_row(struct mapping *x, const struct metadata_row *row,
                    const struct metadata_value *v, struct metadata_report_row *to)
{
    const char *seen = v->value, *at = row->at;
    bool cut = false;
    if (strcmp(row->by, "later") == 0) {
        to->note = to->fate == METADATA_HOMELESS && *row->note ? row->note : to->note;
        return;
    }
    if (strcmp(row->by, "muxer") == 0 && !*row->as && !row->most) {
        if (to->fate > METADATA_KEPT)
            *to = (struct metadata_report_row){v, METADATA_KEPT, at, seen, row->note};
        return;
    }
    const char *value = row->role ? joined(x, row->role) : v->value;
    const char *written = metadata_out(x->a, row, value, &cut);
    if (strchr(at, '*'))
        at = arena_format(x->a, "%.*s%s", (int)strlen(at) - 1, at,
                          metadata_text(x->m, "localised.language", v->item));
    if (row->only_read) {
        entry(x, row, at, v->item, NULL);
        return;
    }
    if (!written)
        return;
    enum metadata_fate fate = fate_of(x, row, v, written, cut, &seen);
    if (fate < to->fate)
        *to = (struct metadata_report_row){v, fate, at, seen, row->note};
    if (strcmp(row->by, "muxer"))
        entry(x, row, at, v->item, written);
}

// A person's role and a text's language are said by the place of what they belong to.
static void follow(struct mapping *x, struct metadata_report *report)
{
    static const char *const leads[][2] = {{"person.role", "person.name"},
                                           {"localised.language", "localised."},
                                           {"track.kind", ""},
                                           {"track.stream", ""}};
    for (size_t i = 0; i < report->count; i++) {
        struct metadata_report_row *r = &report->rows[i];
        for (size_t k = 0; k < 4; k++) {
            if (strcmp(r->value->field->name, leads[k][0]) || r->fate != METADATA_HOMELESS ||
                !takes(x, r->value))
                continue;
            for (size_t n = 0; n < report->count && *leads[k][1]; n++) {
                const struct metadata_report_row *o = &report->rows[n];
                if (o != r && o->value->item == r->value->item && o->fate != METADATA_HOMELESS &&
                    !strncmp(o->value->field->name, leads[k][1], strlen(leads[k][1])))
                    *r = (struct metadata_report_row){r->value, METADATA_KEPT, o->at,
                                                      r->value->value, ""};
            }
            if (!*leads[k][1])
                *r = (struct metadata_report_row){r->value, METADATA_KEPT, "the track itself",
                                                  r->value->value, ""};
        }
    }
}

static json_t *chapters_of(const struct metadata *m)
{
    json_t *list = json_array();
    size_t count = metadata_items(m, METADATA_CHAPTER);
    for (size_t i = 0; i < count; i++)
        if (metadata_find(m, "chapter.start", i))
            json_array_append_new(list,
                                  json_pack("{s:I, s:s}", "start",
                                            (json_int_t)metadata_whole(m, "chapter.start", i, 0),
                                            "title", metadata_text(m, "chapter.title", i)));
    return list;
}

void metadata_map(struct arena *a, const struct metadata *m, const struct metadata_table *t,
                  struct metadata_report *report, json_t **entries)
{
    struct mapping x = {.a = a, .m = m, .t = t, .list = entries ? json_array() : NULL};
    report->rows = ARENA_ARRAY(a, struct metadata_report_row, m->count + 1);
    report->count = m->count;
    for (size_t i = 0; i < m->count; i++) {
        struct metadata_report_row *to = &report->rows[i];
        *to = (struct metadata_report_row){&m->values[i], METADATA_HOMELESS, "", NULL, ""};
        if (!takes(&x, &m->values[i])) {
            to->note = arena_format(a, "%s holds no such track", t->title);
            continue;
        }
        for (size_t k = 0; k < t->count; k++)
            if (about(&x, &t->rows[k], &m->values[i]))
                map_row(&x, &t->rows[k], &m->values[i], to);
    }
    follow(&x, report);
    if (entries)
        *entries = json_pack("{s:o, s:o}", "entries", x.list, "chapters", chapters_of(m));
}

// ---- what a profile asks for

static bool sdr_field(const char *name)
{
    return strstr(" track.primaries track.transfer track.matrix track.mastering track.max_cll "
                  "track.max_fall track.range ",
                  name) != NULL;
}

static void add_track(struct metadata *to, const struct metadata *m, size_t item, size_t number,
                      bool sdr)
{
    struct metadata_source profile = {.where = "the profile"};
    char stream[24];
    for (size_t i = 0; i < m->count; i++) {
        const struct metadata_value *v = &m->values[i];
        if (v->field->group == METADATA_TRACK && v->item == item &&
            !(sdr && sdr_field(v->field->name)))
            (void)metadata_set(to, v->field, number, text_of(v->value), &v->from);
    }
    snprintf(stream, sizeof(stream), "%zu", number);
    (void)metadata_put(to, "track.stream", number, stream, &profile);
    if (!sdr)
        return;
    (void)metadata_put(to, "track.primaries", number, "bt709", &profile);
    (void)metadata_put(to, "track.transfer", number, "bt709", &profile);
    (void)metadata_put(to, "track.matrix", number, "bt709", &profile);
    (void)metadata_put(to, "track.range", number, "limited", &profile);
}

// All frames of it are shown, at another rate: times go with them.
static void conform(struct metadata *to, const struct metadata *m, const json_t *profile)
{
    const char *shown = json_string_value(json_object_get(profile, "conform"));
    const char *of = metadata_text(m, "timecode.rate", 0);
    struct metadata_source source = {.where = "the profile"};
    rational rate, wanted;
    struct error err;
    char number[32];
    if (!shown || !*of || !rational_parse(text_of(of), &rate, &err) ||
        !rational_parse(text_of(shown), &wanted, &err) || rational_equal(rate, wanted))
        return;
    (void)metadata_put(to, "timecode.rate", 0, rational_text(wanted).text, &source);
    for (size_t i = 0; i < m->count; i++) {
        const struct metadata_value *v = &m->values[i];
        bool time =
            !strcmp(v->field->name, "chapter.start") || !strcmp(v->field->name, "marker.at");
        int64_t ticks = time ? metadata_whole(m, v->field->name, v->item, 0) : 0;
        if (!time)
            continue;
        snprintf(
            number, sizeof(number), "%lld",
            (long long)rescale(rescale(ticks, (rational){METADATA_TICKS, 1}, rate, ROUND_NEAREST),
                               wanted, (rational){METADATA_TICKS, 1}, ROUND_NEAREST));
        (void)metadata_put(to, v->field->name, v->item, number, &v->from);
    }
}

struct metadata *metadata_for_profile(struct arena *a, const struct metadata *m,
                                      const json_t *profile)
{
    struct metadata *to = metadata_new(a);
    const json_t *video = json_object_get(profile, "video");
    const json_t *audio = json_object_get(profile, "audio");
    const json_t *streams = json_object_get(audio, "streams");
    size_t most = streams ? (size_t)json_integer_value(streams) : audio ? SIZE_MAX : 0;
    size_t only = (size_t)json_integer_value(json_object_get(audio, "source")); // from 1; 0: all
    size_t count = metadata_items(m, METADATA_TRACK), number = 0, sounds = 0, seen = 0;
    for (size_t i = 0; i < m->count; i++)
        if (m->values[i].field->group != METADATA_TRACK)
            (void)metadata_set(to, m->values[i].field, m->values[i].item,
                               text_of(m->values[i].value), &m->values[i].from);
    for (size_t i = 0; i < count && video && !number; i++)
        if (!strcmp(metadata_text(m, "track.kind", i), "picture"))
            add_track(to, m, i, number++, json_is_true(json_object_get(video, "sdr")));
    for (size_t i = 0; i < count && sounds < most; i++)
        if (!strcmp(metadata_text(m, "track.kind", i), "sound") && (++seen == only || !only))
            add_track(to, m, i, number++, false), sounds++;
    conform(to, m, profile);
    return to;
}

json_t *metadata_lacks(const json_t *profile, const struct metadata *m,
                       const struct metadata_report *report,
                       bool (*kept_by)(const json_t *profile, const struct metadata_field *field))
{
    const json_t *required = json_object_get(json_object_get(profile, "metadata"), "required"),
                 *one;
    json_t *to = json_array();
    size_t i;
    json_array_foreach(required, i, one)
    {
        const char *name = json_string_value(one);
        const struct metadata_field *f = name ? metadata_field_named(text_of(name)) : NULL;
        size_t items = f ? metadata_items(m, f->group) : 0, have = 0, homes = 0, wanted = 0;
        for (size_t k = 0; f && k < items; k++) {
            // A picture need not have a language; sound and captions must.
            bool picture = f->group == METADATA_TRACK && !strcmp(name, "track.language") &&
                           !strcmp(metadata_text(m, "track.kind", k), "picture");
            wanted += !picture;
            have += !picture && metadata_find(m, name, k);
        }
        for (size_t k = 0; f && k < report->count; k++)
            homes += report->rows[k].value->field == f && report->rows[k].fate != METADATA_HOMELESS;
        if (f && (!have || have < wanted))
            json_array_append_new(to, json_pack("{s:s, s:s, s:s}", "field", name, "state",
                                                "no value", "fix",
                                                "say it: posthouse map FILE FIELD=VALUE --write, "
                                                "or in the asset's facts"));
        else if (f && !homes && !(kept_by && kept_by(profile, f)))
            json_array_append_new(to, json_pack("{s:s, s:s, s:s}", "field", name, "state",
                                                "no home", "fix",
                                                "ask for a sidecar that keeps it, or for another "
                                                "container"));
    }
    return to;
}
