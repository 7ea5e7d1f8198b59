// What the muxer is told of metadata, and a finished file that is to say something else.
#include "engine/metadata.h"
#include "formats/metadata/metadata.h"
#include "formats/metadata/places.h"
#include "plat/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARENA_MOST = 1 << 30, CHAPTERS_MOST = 2000, COPY_BYTES = 1 << 20 };

static bool read_input(void *context, int64_t offset, void *to, size_t size, size_t *got,
                       struct error *err)
{
    return input_read(context, offset, to, size, got, err);
}

// ---- writing with the muxer

static const char *word(const json_t *o, const char *name)
{
    const char *t = json_string_value(json_object_get(o, name));
    return t ? t : "";
}

// What the muxer takes itself, of the file and of its tracks: libav's names, also of what lies in
// bext, which has no room to grow later.
static const char *av_key(const json_t *entry)
{
    const char *at = word(entry, "at");
    if (strncmp(at, "av/", 3) == 0)
        return at + 3;
    if (strncmp(at, "trak/", 5) == 0 && strcmp(word(entry, "by"), "av") == 0)
        return at + 5;
    return strcmp(at, "bext/CodingHistory") == 0 ? "coding_history" : NULL;
}

static bool add_chapter(AVFormatContext *out, const json_t *from, int64_t end, int number)
{
    AVChapter **list = av_realloc_array(out->chapters, out->nb_chapters + 1, sizeof(*list));
    AVChapter *c = av_mallocz(sizeof(*c));
    if (list)
        out->chapters = list;
    if (!list || !c) {
        av_free(c);
        return false;
    }
    c->id = number;
    c->time_base = (AVRational){1, METADATA_TICKS};
    c->start = json_integer_value(json_object_get(from, "start"));
    c->end = end > c->start ? end : c->start + 1;
    av_dict_set(&c->metadata, "title", word(from, "title"), 0);
    out->chapters[out->nb_chapters++] = c;
    return true;
}

bool metadata_announce(const struct ticket *t, AVFormatContext *out, struct error *err)
{
    const json_t *entries = json_object_get(t->metadata, "entries"), *one;
    const json_t *chapters = json_object_get(t->metadata, "chapters");
    size_t i;
    bool done = true;
    json_array_foreach(entries, i, one)
    {
        const json_t *track = json_object_get(one, "track");
        json_int_t number = track ? json_integer_value(track) : -1;
        AVDictionary **to = !track ? &out->metadata
                            : number >= 0 && number < out->nb_streams
                                ? &out->streams[number]->metadata
                                : NULL;
        if (to && av_key(one) && *word(one, "value"))
            av_dict_set(to, av_key(one), word(one, "value"), 0);
    }
    json_array_foreach(chapters, i, one)
    {
        const json_t *next = json_object_get(json_array_get(chapters, i + 1), "start");
        done = done && i < CHAPTERS_MOST &&
               add_chapter(out, one, next ? json_integer_value(next) : 0, (int)i);
    }
    return done || error_set(err, ERROR_TOO_BIG, "the deliverable has too many chapters");
}

static bool read_file(void *context, int64_t offset, void *to, size_t size, size_t *got,
                      struct error *err)
{
    int file = *(const int *)context;
    *got = 0;
    while (*got < size) {
        ssize_t n = pread(file, (char *)to + *got, size - *got, offset + (int64_t)*got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, errno, "cannot read the deliverable back");
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return true;
}

static bool write_at(int file, const void *at, size_t size, int64_t offset, const char *name,
                     struct error *err)
{
    while (size) {
        ssize_t n = pwrite(file, at, size, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_errno(err, n ? errno : EIO, "cannot write %s", name);
        at = (const char *)at + n, size -= (size_t)n, offset += n;
    }
    return true;
}

static json_t *of_boxes(const json_t *entries)
{
    json_t *list = json_array(), *one;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)entries, i, one)
    {
        if (strcmp(word(one, "by"), "box") == 0 && !av_key(one))
            json_array_append(list, one);
    }
    return list;
}

static bool edit_of(const struct place_file *f, struct arena *a, const json_t *pairs, bool stay,
                    bool *ours, struct place_edit *edit, struct error *err)
{
    uint8_t head[16] = {0};
    size_t got = 0;
    if (!f->read(f->context, 0, head, sizeof(head), &got, err))
        return false;
    *ours = boxes_is(head, got) || wave_is(head, got);
    if (!*ours)
        return true;
    return wave_is(head, got) ? wave_edit(f, a, pairs, edit, err)
                              : boxes_edit(f, a, pairs, stay, edit, err);
}

static bool write_parts(const struct place_edit *edit, int file, const char *name,
                        struct error *err)
{
    int64_t at = 0;
    for (size_t i = 0; i < edit->count; i++) {
        const struct place_part *p = &edit->parts[i];
        if (!p->bytes && p->from != at)
            return error_set(err, ERROR_INTERNAL, "the essence of %s would have to move", name);
        if (p->bytes && !write_at(file, p->bytes, (size_t)p->size, at, name, err))
            return false;
        at += p->size;
    }
    return ftruncate(file, at) == 0 || error_errno(err, errno, "cannot write %s", name);
}

bool metadata_complete(const struct ticket *t, const AVFormatContext *out, int file,
                       struct error *err)
{
    json_t *pairs = of_boxes(json_object_get(t->metadata, "entries"));
    struct arena *a = arena_open(ARENA_MOST);
    struct place_file f = {read_file, &file, lseek(file, 0, SEEK_END), t->output};
    struct place_edit edit;
    bool ours = false;
    if (strcmp(out->oformat->name, "mp4") == 0 && !json_object_get(t->profile, "fragment_s"))
        channels_pairs(out, pairs);
    bool done = !json_array_size(pairs) || (edit_of(&f, a, pairs, true, &ours, &edit, err) &&
                                            (!ours || write_parts(&edit, file, t->output, err)));
    arena_close(a);
    json_decref(pairs);
    return done;
}

// ---- a finished file

struct copying {
    const struct ticket *t;
    struct input *in;
    int file;
    int64_t size, said_us;
    uint8_t *room;
};

static void progress(struct copying *c, int64_t done)
{
    int64_t now = clock_tick_us();
    if (now - c->said_us < 200000)
        return;
    c->said_us = now;
    door_say(json_pack("{s:{s:I, s:I, s:s}}", "progress", "done", (json_int_t)done, "total",
                       (json_int_t)c->size, "unit", "bytes"));
}

static bool copy_part(struct copying *c, const struct place_part *p, int64_t at, struct error *err)
{
    if (p->bytes)
        return write_at(c->file, p->bytes, (size_t)p->size, at, c->t->output, err);
    for (int64_t done = 0; done < p->size;) {
        size_t want = p->size - done < COPY_BYTES ? (size_t)(p->size - done) : COPY_BYTES, got = 0;
        if (!input_read(c->in, p->from + done, c->room, want, &got, err) ||
            !write_at(c->file, c->room, got, at + done, c->t->output, err))
            return false;
        if (!got)
            return error_set(err, ERROR_DAMAGED, "%s ends too early", c->t->inputs[0].name);
        done += (int64_t)got;
        progress(c, at + done);
    }
    return true;
}

static bool rewrite(struct copying *c, struct arena *a, const json_t *pairs, struct error *err)
{
    struct place_file f = {read_input, c->in, c->size, c->t->inputs[0].name};
    struct place_edit edit;
    bool ours = false;
    int64_t at = 0;
    if (!edit_of(&f, a, pairs, false, &ours, &edit, err))
        return false;
    if (!ours)
        return metadata_rewrap(c->t, &c->size, err);
    if (!output_open(c->t->output, &c->file, err))
        return false;
    for (size_t i = 0; i < edit.count; i++) {
        if (!copy_part(c, &edit.parts[i], at, err))
            return false;
        at += edit.parts[i].size;
    }
    c->size = at;
    return fsync(c->file) == 0 || error_errno(err, errno, "cannot make %s durable", c->t->output);
}

bool retag(const struct ticket *t, json_t **result, struct error *err)
{
    struct copying c = {.t = t, .file = -1, .size = t->inputs[0].size, .room = malloc(COPY_BYTES)};
    struct arena *a = arena_open(ARENA_MOST);
    json_t *pairs = of_boxes(json_object_get(t->metadata, "entries"));
    json_t *chapters = json_object_get(t->metadata, "chapters");
    if (chapters)
        json_array_append_new(pairs, json_pack("{s:s, s:O}", "at", "chapters", "list", chapters));
    bool done = (c.room || error_set(err, ERROR_TOO_BIG, "no memory to copy a file")) &&
                input_open(0, c.size, &c.in, err) && rewrite(&c, a, pairs, err);
    if (done)
        *result =
            json_pack("{s:{s:s, s:I}}", "output", "name", t->output, "size", (json_int_t)c.size);
    if (c.file >= 0)
        close(c.file);
    input_close(c.in);
    json_decref(pairs);
    arena_close(a);
    free(c.room);
    return done;
}
