#include "engine/metadata.h"
#include "formats/metadata/metadata.h"
#include "formats/metadata/places.h"

enum { ARENA_MOST = 1 << 30, FACTS_MOST = 256 << 10, CHAPTERS_MOST = 2000 };

// ---- reading

static bool read_input(void *context, int64_t offset, void *to, size_t size, size_t *got,
                       struct error *err)
{
    return input_read(context, offset, to, size, got, err);
}

static json_t *pairs_of(const struct media *m)
{
    uint8_t head[16] = {0};
    size_t got = 0;
    struct error ignored;
    json_t *pairs = json_array();
    struct place_file f = {read_input, m->in, input_size(m->in), m->ticket->inputs[0].name};
    struct arena *a = arena_open(ARENA_MOST);
    if (input_read(m->in, 0, head, sizeof(head), &got, &ignored)) {
        // Whatever is wrong in there, the film plays: what was read so far is kept.
        if (boxes_is(head, got))
            (void)!boxes_pairs(&f, a, pairs, &ignored);
        else if (wave_is(head, got))
            (void)!wave_pairs(&f, a, pairs, &ignored);
    }
    arena_close(a);
    return pairs;
}

static void bound(json_t *pairs)
{
    size_t bytes = 0, i = 0;
    for (; i < json_array_size(pairs) && bytes < FACTS_MOST; i++)
        bytes += json_string_length(json_object_get(json_array_get(pairs, i), "value")) + 60;
    while (json_array_size(pairs) > i)
        json_array_remove(pairs, json_array_size(pairs) - 1);
}

static json_t *chapters_of(const AVFormatContext *f)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < f->nb_chapters && i < CHAPTERS_MOST; i++) {
        const AVChapter *c = f->chapters[i];
        const AVDictionaryEntry *title = av_dict_get(c->metadata, "title", NULL, 0);
        int64_t start = av_rescale_q(c->start, c->time_base, (AVRational){1, METADATA_TICKS});
        const char *words = title && text_utf8(text_of(title->value)) ? title->value : "";
        json_array_append_new(list, json_pack("{s:I, s:s}", "start",
                                              (json_int_t)(start > 0 ? start : 0), "title", words));
    }
    return list;
}

void metadata_facts(const struct media *m, json_t *facts)
{
    if (!m->format || !m->in)
        return;
    json_t *pairs = pairs_of(m);
    bound(pairs);
    if (json_array_size(pairs))
        json_object_set(facts, "metadata", pairs);
    if (m->format->nb_chapters)
        json_object_set_new(facts, "chapters", chapters_of(m->format));
    json_decref(pairs);
}
