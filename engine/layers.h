/*
 * engine/layers: what parts and layers an OpenEXR file has, and one of them as samples.
 *
 * A layer is what a person picks: of the channels whose names are alike up to the last dot, R, G
 * and B (with A) together, Y with RY and BY together, and each other one by itself. Its key is
 * "part:name", as "0:*" (the colours of the first part without a prefix), "0:diffuse.*" or "1:Z".
 * Deep samples are made flat (exr_plus.h).
 */
#pragma once
#include "base/error.h"
#include "tickets/ticket.h"

#include <jansson.h>
#include <stdint.h>

// ExrFact of the API, of the header alone; a new reference.
MUST_CHECK bool layers_list(size_t number, const struct ticket_input *input, json_t **fact,
                            struct error *err);

enum layer_kind { LAYER_COLOUR, LAYER_LUMA, LAYER_GREY };

struct layer {
    enum layer_kind kind;
    int width, height; // of the display window
    // width x height x 3 (R, G, B), of LAYER_GREY x 1; as they are in the file, outside the data
    // window 0. Freed by layer_free.
    float *samples;
    float *alpha;    // width x height of colours that have one, or NULL
    float low, high; // the smallest and largest finite sample in the data window
    int64_t nan, infinite, negative;
    bool flattened; // from deep samples
    json_t *said;   // {"key", "part", "channels", "type", "data", "display", "overscan"}
};
// `key` NULL or "": the main one, the first. NOT_FOUND, with those there are.
MUST_CHECK bool layer_read(size_t number, const struct ticket_input *input, const char *key,
                           struct layer *l, struct error *err);
void layer_free(struct layer *l);

// Whether a file whose first bytes are `head` has a deep part: libav decodes nothing of it.
bool layers_deep(const uint8_t *head, size_t size);
// What libav decodes instead: its main layer, flat, as an OpenEXR file of float without
// compression. Freed with free().
MUST_CHECK bool layers_flat(size_t number, const struct ticket_input *input, uint8_t **at,
                            size_t *size, struct error *err);
