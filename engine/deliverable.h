/*
 * engine/deliverable: what the steps of making one have in common.
 *
 *   index    reads the source's packets and plans: which frames are a segment, from which key frame
 *            each is decoded. The plan is a matter of the source, the profile and the encoder only.
 *   weigh    learns how many bits a segment comes to, when all are to come to a bit rate together
 *   segment  encodes exactly its frames, by itself, whoever else is at work
 *   sound    encodes all sound, whole: a coder that begins anew clicks, and adds samples
 *   mux      writes the container from what the others made
 *
 * What they make of the same plan is the same to the byte, in any order and on any number of
 * workers; so one that is lost is simply made again.
 */
#pragma once
#include "engine/media.h"
#include "engine/packets.h"

struct order {
    const struct ticket *t;
    const json_t *profile, *video, *audio; // video, audio: NULL: not wanted
    json_t *facts;
    bool vfr; // the source's rate is not constant; `rate` is what it is given by facts.constant
    rational rate;
    rational shown, speed; // at what rate its frames are shown (profile "conform"); shown / rate
    bool keep_pitch;       // of the sound, which is stretched then
    int64_t total; // frames as the facts count them; samples of a source without a picture
    const AVOutputFormat *container;
};
// Checks the profile, probes the source when the ticket brings no facts.
MUST_CHECK bool order_open(const struct ticket *t, struct order *o, struct error *err);
void order_close(struct order *o);
int order_number(const json_t *object, const char *name, int otherwise);
const char *order_word(const json_t *object, const char *name); // "" when it is none
// Whether the container takes that codec, as far as it says: it is refused before hours of
// encoding, not after.
MUST_CHECK bool order_holds(const struct order *o, enum AVCodecID codec, struct error *err);
// libav's refusal in the person's words. Always false.
bool order_refused(const struct order *o, int code, struct error *err);

// ---- Encoders

// How an encoder is made to give the same bytes wherever it runs.
struct encoder_rule {
    const char *name;
    bool intra;        // each frame stands alone
    const char *list;  // option that holds "name=value:..."
    const char *add;   // to it
    const char *quick; // to it besides: to learn about how many bits it comes to
};
const struct encoder_rule *encoder_rule(const char *name); // never NULL
// {"name", "library", "threads"} as a plan holds it.
json_t *encoder_of(const struct order *o);
// Whether this engine's encoder is the plan's. UNSUPPORTED: a segment of another version would not
// fit to the rest.
MUST_CHECK bool encoder_is(const struct order *o, const json_t *plan, struct error *err);

// ---- Streams in a packet file's head

// {"kind", "codec", ...} of what an encoder makes. `side`: a stream whose rotation is carried along;
// NULL: none.
json_t *stream_describe(const AVCodecContext *c, const AVStream *side, const char *language);
// The mastering display and the light levels of the facts, if they say them.
void stream_light(json_t *stream, const json_t *facts);
MUST_CHECK bool stream_make(const json_t *from, AVStream *to, AVRational *base, struct error *err);

bool index_source(const struct ticket *t, json_t **result, struct error *err);
bool weigh(const struct ticket *t, json_t **result, struct error *err);
bool segment(const struct ticket *t, json_t **result, struct error *err);
bool soundtrack(const struct ticket *t, json_t **result, struct error *err);
bool mux(const struct ticket *t, json_t **result, struct error *err);
