// Any bytes as a file: facts that make sense, or an error with its reason. The door is a buffer.
#include "engine/layers.h"
#include "engine/media.h"
#include "time/rational.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *bytes;
struct input {
    int64_t size;
};

bool input_open(size_t number, int64_t size, struct input **in, struct error *err)
{
    if (number)
        return error_set(err, ERROR_INTERNAL, "there is one input");
    *in = malloc(sizeof(**in));
    (*in)->size = size;
    return true;
}
void input_close(struct input *in)
{
    free(in);
}
bool input_grows(const struct input *in)
{
    (void)in;
    return false;
}

int64_t input_size(const struct input *in)
{
    return in->size;
}
bool input_read(const struct input *in, int64_t offset, void *to, size_t size, size_t *got,
                struct error *err)
{
    (void)err;
    int64_t left = offset < in->size ? in->size - offset : 0;
    *got = (int64_t)size < left ? size : (size_t)left;
    memcpy(to, bytes + (*got ? offset : 0), *got);
    return true;
}
void door_say(json_t *line)
{
    json_decref(line);
}

// Every layer that the header of an OpenEXR file lists is samples, or an error with its reason.
static void every_layer(const struct ticket_input *in)
{
    struct error err;
    json_t *fact, *row;
    size_t i;
    error_clear(&err);
    if (in->size < 4 || memcmp(bytes, "\x76\x2f\x31\x01", 4) != 0 ||
        !layers_list(0, in, &fact, &err))
        return;
    json_array_foreach(json_object_get(fact, "layers"), i, row)
    {
        struct layer l;
        if (i < 8 && !layer_read(0, in, json_string_value(json_object_get(row, "key")), &l, &err) &&
            (!err.what[0] || !err.why[0]) && err.kind != ERROR_TOO_BIG)
            abort();
        else if (i < 8)
            layer_free(&l);
    }
    json_decref(fact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ticket_input in = {"fuzz.bin", (int64_t)size};
    struct ticket t = {.inputs = &in, .input_count = 1, .threads = 1};
    struct error err;
    json_t *facts = NULL;
    rational rate;
    bytes = data;
    error_clear(&err);
    av_log_set_level(AV_LOG_QUIET);
    every_layer(&in);
    if (!probe(&t, &facts, &err)) {
        if (!err.what[0] || !err.why[0])
            abort();
        return 0;
    }
    if (json_integer_value(json_object_get(facts, "duration_frames")) < 0 ||
        !rational_parse(text_of(json_string_value(json_object_get(facts, "rate"))), &rate, &err))
        abort();
    json_decref(facts);
    return 0;
}
