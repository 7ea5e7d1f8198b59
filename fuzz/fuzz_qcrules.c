#include "house/qc/qc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    json_t *rules;
    if (!qc_rules_read("fuzz", (text){(const char *)data, size}, &rules, &err))
        return 0;
    // Any rules can be laid on an empty measurement.
    struct measure m = {.summary = json_object(), .rate = {25, 1}};
    json_decref(qc_judge(&m, rules));
    json_decref(m.summary);
    json_decref(rules);
    return 0;
}
