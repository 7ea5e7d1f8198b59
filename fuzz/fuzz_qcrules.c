#include "house/qc/qc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    json_t *rules, *base;
    if (!qc_rules_read("fuzz", (text){(const char *)data, size}, &rules, &err))
        return 0;
    // Any rules can be laid on themselves, and on a measurement of nothing.
    base = json_deep_copy(rules);
    json_object_del(base, "base");
    if (qc_rules_on(base, &rules, &err)) {
        json_t *track = json_pack("{s:s, s:{s:f, s:f, s:f}}", "layout", "mono", "loudness",
                                  "integrated", -23.0, "dialogue", -25.0, "speech", 0.2);
        struct measure_track none = {.channels = 1, .sample_rate = 48000};
        struct measure m = {.summary = json_pack("{s:[o]}", "tracks", track),
                            .rate = {25, 1},
                            .track_count = 1,
                            .tracks = &none};
        json_decref(qc_judge(&m, rules));
        json_decref(m.summary);
    }
    json_decref(base);
    json_decref(rules);
    return 0;
}
