#include "tickets/ticket.h"

#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {"probe",  "proxy",    "captions", "measure", "stills",
                                    "verify", "assemble", "retag",    "picture", "bake",
                                    "index",  "weigh",    "segment",  "sound",   "mux"};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), STILLS_MOST = 10000 };

bool ticket_output_name(text name)
{
    if (!name.size || name.size > 255 || name.at[0] == '.' || name.at[0] == '-' || !text_utf8(name))
        return false;
    for (size_t i = 0; i < name.size; i++)
        if ((unsigned char)name.at[i] < ' ' || name.at[i] == '/' || name.at[i] == 127)
            return false;
    return true;
}

static bool refuse(struct error *err, const char *field, const char *why)
{
    error_set(err, ERROR_INPUT, "the ticket's \"%s\" can not be used", field);
    return error_why(err, "%s", why);
}

static bool parse_kind(struct ticket *t, const json_t *from, struct error *err)
{
    const char *name = json_string_value(json_object_get(from, "kind"));
    for (int i = 0; name && i < KINDS; i++)
        if (strcmp(name, kinds[i]) == 0) {
            t->kind = (enum ticket_kind)i;
            return true;
        }
    return refuse(err, "kind",
                  "it is not probe, proxy, captions, index, weigh, segment, sound, mux, measure, "
                  "stills, verify, "
                  "assemble, retag, picture or bake");
}

static bool parse_inputs(struct ticket *t, const json_t *from, struct error *err)
{
    const json_t *inputs = json_object_get(from, "inputs");
    size_t count = json_array_size(inputs);
    if (!count || count > TICKET_INPUTS)
        return refuse(err, "inputs", count ? "there are too many" : "there are none");
    t->inputs = calloc(count, sizeof(*t->inputs));
    if (!t->inputs)
        return error_set(err, ERROR_INTERNAL, "no memory for %zu inputs", count);
    t->input_count = count;
    for (size_t i = 0; i < count; i++) {
        const json_t *in = json_array_get(inputs, i);
        t->inputs[i].name = json_string_value(json_object_get(in, "name"));
        const json_t *size = json_object_get(in, "size");
        t->inputs[i].size = json_integer_value(size);
        if (!t->inputs[i].name || !json_is_integer(size) || t->inputs[i].size < 0)
            return refuse(err, "inputs", "each needs a name and a size");
    }
    return true;
}

static bool parse_object(const json_t *from, const char *field, json_t **to, struct error *err)
{
    json_t *value = json_object_get(from, field);
    *to = json_is_null(value) ? NULL : value;
    return !*to || json_is_object(*to) || refuse(err, field, "it is not an object");
}

static bool parse_limit(const json_t *from, const char *field, int64_t otherwise, int64_t *to,
                        struct error *err)
{
    const json_t *value = json_object_get(json_object_get(from, "limits"), field);
    *to = value ? json_integer_value(value) : otherwise;
    if (value && (!json_is_integer(value) || *to < 0))
        return refuse(err, "limits", "each is a number of 0 or more");
    *to = *to ? *to : otherwise;
    return true;
}

static bool parse_limits(struct ticket_limits *l, const json_t *from, struct error *err)
{
    return parse_limit(from, "memory_bytes", TICKET_MEMORY_BYTES, &l->memory_bytes, err) &&
           parse_limit(from, "cpu_s", TICKET_CPU_S, &l->cpu_s, err) &&
           parse_limit(from, "output_bytes", TICKET_OUTPUT_BYTES, &l->output_bytes, err);
}

static bool parse_frames(struct ticket *t, const json_t *from, struct error *err)
{
    json_t *frames = json_object_get(from, "frames"), *one;
    size_t i;
    int64_t before = -1;
    t->frames = json_is_null(frames) ? NULL : frames;
    if (t->frames && (!json_is_array(frames) || json_array_size(frames) > STILLS_MOST))
        return refuse(err, "frames", "it is not a list, or too long");
    json_array_foreach(frames, i, one)
    {
        if (!json_is_integer(one) || json_integer_value(one) <= before)
            return refuse(err, "frames", "they are not numbers of 0 or more that rise");
        before = json_integer_value(one);
    }
    return t->kind != TICKET_STILLS || t->frames || refuse(err, "frames", "stills needs them");
}

// The table of a transform comes behind what is looked at.
static bool part_transform(struct ticket *t, struct error *err)
{
    if (t->kind == TICKET_BAKE)
        return t->transform || refuse(err, "transform", "bake needs it");
    if (!t->transform)
        return true;
    t->input_count--;
    return t->input_count > 0 || refuse(err, "inputs", "the transform's table is the only one");
}

static bool parse_picture(struct ticket *t, const json_t *from, struct error *err)
{
    const json_t *frame = json_object_get(t->picture, "frame");
    const json_t *layer = json_object_get(t->picture, "layer");
    json_t *burn = json_object_get(from, "burn");
    t->burn = json_is_null(burn) ? NULL : burn;
    if (t->burn && !json_is_array(t->burn))
        return refuse(err, "burn", "it is not a list");
    if (t->kind != TICKET_PICTURE)
        return true;
    if (!json_is_integer(frame) || json_integer_value(frame) < 0)
        return refuse(err, "picture", "its frame is no number of 0 or more");
    return !layer || json_is_null(layer) || json_is_string(layer) ||
           refuse(err, "picture", "its layer is no name");
}

// Each part is one input or more; they are all there are.
static bool parse_span_parts(struct ticket *t, json_t *parts, struct error *err)
{
    size_t i, left = t->input_count;
    const json_t *one;
    if (!parts || json_is_null(parts))
        return true;
    if (!t->span || strcmp(t->span, "follow") != 0)
        return refuse(err, "span_parts", "the inputs do not follow each other");
    json_array_foreach(parts, i, one)
    {
        json_int_t inputs = json_integer_value(one);
        if (inputs < 1 || (size_t)inputs > left)
            return refuse(err, "span_parts", "they are not numbers of inputs");
        left -= (size_t)inputs;
    }
    t->span_parts = parts;
    return left == 0 || refuse(err, "span_parts", "they are not all inputs");
}

static bool parse_rest(struct ticket *t, const json_t *from, struct error *err)
{
    const json_t *rate = json_object_get(from, "sequence_rate");
    if (rate && !json_is_null(rate) &&
        (!json_is_string(rate) ||
         !rational_parse(text_of(json_string_value(rate)), &t->sequence_rate, err)))
        return refuse(err, "sequence_rate", "it is not a rate such as 24000/1001");
    t->span = json_string_value(json_object_get(from, "span"));
    if (t->span && strcmp(t->span, "follow") != 0 && strcmp(t->span, "tracks") != 0)
        return refuse(err, "span", "it is not follow or tracks");
    if (!parse_span_parts(t, json_object_get(from, "span_parts"), err))
        return false;
    const json_t *output = json_object_get(from, "output");
    t->output = json_string_value(output);
    if (t->output && !ticket_output_name(text_of(t->output)))
        return refuse(err, "output", "it is not a plain file name");
    t->prints = json_is_true(json_object_get(from, "prints"));
    const json_t *threads = json_object_get(from, "threads");
    t->threads = threads ? (int)json_integer_value(threads) : 2;
    if (t->threads < 1 || t->threads > 256)
        return refuse(err, "threads", "it is not 1 to 256");
    if (t->kind == TICKET_ASSEMBLE && (!t->grid || !t->output))
        return refuse(err, t->grid ? "output" : "grid", "assemble needs it");
    if (t->kind == TICKET_RETAG && (!t->metadata || !t->output))
        return refuse(err, t->metadata ? "output" : "metadata", "retag needs it");
    if (t->kind >= TICKET_INDEX && !t->profile)
        return refuse(err, "profile", "a deliverable needs it");
    if (t->kind >= TICKET_SEGMENT && !t->output)
        return refuse(err, "output", "a deliverable needs it");
    if ((t->kind == TICKET_SEGMENT || t->kind == TICKET_WEIGH) && (!t->plan || !t->segment))
        return refuse(err, t->plan ? "segment" : "plan", "a segment needs it");
    return true;
}

bool ticket_parse(json_t *from, struct ticket **to, struct error *err)
{
    struct ticket *t = calloc(1, sizeof(*t));
    if (!t)
        return error_set(err, ERROR_INTERNAL, "no memory for a ticket");
    t->whole = json_incref(from);
    if (!json_is_object(from)) {
        refuse(err, "kind", "the ticket is not a JSON object");
    } else if (parse_kind(t, from, err) && parse_inputs(t, from, err) &&
               parse_object(from, "sequence", &t->sequence, err) &&
               parse_object(from, "facts", &t->facts, err) &&
               parse_object(from, "profile", &t->profile, err) &&
               parse_object(from, "plan", &t->plan, err) &&
               parse_object(from, "segment", &t->segment, err) &&
               parse_object(from, "asked", &t->asked, err) &&
               parse_object(from, "grid", &t->grid, err) &&
               parse_object(from, "captions", &t->captions, err) &&
               parse_object(from, "metadata", &t->metadata, err) &&
               parse_object(from, "transform", &t->transform, err) && part_transform(t, err) &&
               parse_object(from, "picture", &t->picture, err) && parse_picture(t, from, err) &&
               parse_frames(t, from, err) && parse_rest(t, from, err) &&
               parse_limits(&t->limits, from, err)) {
        *to = t;
        return true;
    }
    ticket_close(t);
    return false;
}

void ticket_close(struct ticket *t)
{
    if (!t)
        return;
    json_decref(t->whole);
    free(t->inputs);
    free(t);
}

size_t ticket_inputs(const struct ticket *t)
{
    return t->input_count + (t->transform && t->kind != TICKET_BAKE);
}

json_t *ticket_format(const struct ticket *t)
{
    json_t *inputs = json_array();
    for (size_t i = 0; i < ticket_inputs(t); i++)
        json_array_append_new(inputs, json_pack("{s:s, s:I}", "name", t->inputs[i].name, "size",
                                                (json_int_t)t->inputs[i].size));
    json_t *to = json_pack("{s:s, s:o, s:i, s:{s:I, s:I, s:I}}", "kind", kinds[t->kind], "inputs",
                           inputs, "threads", t->threads, "limits", "memory_bytes",
                           (json_int_t)t->limits.memory_bytes, "cpu_s", (json_int_t)t->limits.cpu_s,
                           "output_bytes", (json_int_t)t->limits.output_bytes);
    if (t->prints)
        json_object_set_new(to, "prints", json_true());
    if (t->sequence)
        json_object_set(to, "sequence", t->sequence);
    if (t->span)
        json_object_set_new(to, "span", json_string(t->span));
    if (t->span_parts)
        json_object_set(to, "span_parts", t->span_parts);
    if (t->sequence_rate.den)
        json_object_set_new(to, "sequence_rate", json_string(rational_text(t->sequence_rate).text));
    if (t->facts)
        json_object_set(to, "facts", t->facts);
    if (t->profile)
        json_object_set(to, "profile", t->profile);
    if (t->plan)
        json_object_set(to, "plan", t->plan);
    if (t->segment)
        json_object_set(to, "segment", t->segment);
    if (t->frames)
        json_object_set(to, "frames", t->frames);
    if (t->asked)
        json_object_set(to, "asked", t->asked);
    if (t->captions)
        json_object_set(to, "captions", t->captions);
    if (t->grid)
        json_object_set(to, "grid", t->grid);
    if (t->metadata)
        json_object_set(to, "metadata", t->metadata);
    if (t->transform)
        json_object_set(to, "transform", t->transform);
    if (t->picture)
        json_object_set(to, "picture", t->picture);
    if (t->burn)
        json_object_set(to, "burn", t->burn);
    if (t->output)
        json_object_set_new(to, "output", json_string(t->output));
    return to;
}
