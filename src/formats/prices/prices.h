/*
 * formats/prices: what machines, licences, egress and storage cost: a dated file of data/prices.
 *
 * No price is in code. A file says its date and currency, and of each price where it is from and
 * whether somebody has checked it (docs/formats/prices.md).
 */
#pragma once
#include "base/arena.h"

typedef struct {
    double low, usual, high; // low <= usual <= high; all the same when only `usual` is said
} price_range;

struct price_machine {
    const char *name, *provider;
    double cores, memory_gib;
    double speed;     // of a core, beside one of the house's own (1)
    price_range spot; // an hour; usual 0: there is none
    double on_demand; // an hour; 0: not offered
    const char *source;
    bool checked;
};
struct price_licence {
    const char *name;
    double an_hour; // of one machine that uses it
};
struct prices {
    const char *date; // "2026-09-20"
    const char *currency;
    const struct price_machine *machines;
    size_t machine_count;
    const struct price_licence *licences;
    size_t licence_count;
    price_range interruptions; // of a spot machine, an hour
    price_range boot_s;
    double worker_fee, egress_gb, storage_gb_month, power_kwh;
    int unchecked; // prices that nobody has checked
};
enum { PRICES_BYTES_MOST = 1 << 20, PRICES_MACHINES_MOST = 200, PRICES_LICENCES_MOST = 200 };

// Strings live in the arena. The error names the member.
MUST_CHECK bool prices_read(struct arena *a, const char *file_name, text content,
                            struct prices *prices, struct error *err);
