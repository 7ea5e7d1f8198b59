/*
 * formats/profile/hdr: what an HDR10 deliverable says about the display it was graded on (SMPTE ST
 * 2086) and about how bright its pictures are (CTA-861.3), as text in Facts.
 *
 * The text is what encoders use: "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)
 * L(10000000,50)"; chromaticities in 1/50000, luminance (highest, lowest) in 1/10000 cd/m2. Neither
 * it nor the light levels have a default: a person states the display; levels are carried,
 * measured, or stated.
 */
#pragma once
#include "base/error.h"

#include <jansson.h>
#include <stdint.h>

struct hdr_display {
    int32_t x[3], y[3]; // red, green, blue, in 1/50000
    int32_t white_x, white_y;
    int64_t highest, lowest; // in 1/10000 cd/m2
};
struct hdr_light { // cd/m2
    int max_cll, max_fall;
};

// Such a text, or a gamut with the luminances in cd/m2: "p3-d65 1000 0.0001", "bt2020 4000 0.005",
// "bt709 1000 0.01". INPUT when it is neither or says what no display can be.
MUST_CHECK bool hdr_display_parse(const char *from, struct hdr_display *to, struct error *err);
void hdr_display_format(const struct hdr_display *d, char to[160]);
// "1000,400": MaxCLL, MaxFALL.
MUST_CHECK bool hdr_light_parse(const char *from, struct hdr_light *to, struct error *err);

// Of facts' first picture; false: not there.
bool hdr_of_facts(const json_t *facts, struct hdr_display *d);
bool hdr_light_of_facts(const json_t *facts, struct hdr_light *l);
// Facts with what an order of this profile states ("stated": {"mastering", "max_cll", "max_fall"})
// in the place of what the file says. A new reference.
json_t *hdr_stated(const json_t *profile, const json_t *facts);
// Puts a display and light levels, as people write them (NULL: none), into an order's "stated".
MUST_CHECK bool hdr_order(json_t *profile, const char *display, const char *light,
                          struct error *err);

// States them there, whatever stood there before; NULL: stays as it is.
void hdr_state(json_t *facts, const struct hdr_display *d, const struct hdr_light *l);
