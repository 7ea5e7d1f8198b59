// What the files of this room share.
#pragma once
#include "house/fields/fields.h"
#include "plat/ids.h"
#include "time/timecode.h"

#include <pthread.h>

enum { WHERE_DEPTH = 4 };
enum { RUN_LEAST = 2000 }; // values of a change that is set in slices

const char *folded_name(struct arena *a, const char *name); // trimmed, ASCII in lower case
int64_t field_number(const char *key);                      // of "f3"; 0: it is no key
const struct field *field_of(const struct field *list, size_t count, int64_t number);
json_t *field_json(const struct field *f);
bool say_fields(struct db_tx *tx, const char *project, const char *change, const char *asset,
                struct error *err);
// "01:02:03:04" as seconds of labels, frames as thousandths: so labels sort.
bool label_value(const char *said, double *at);

// ---- values.c, runs.c: changes
enum value_fate { VALUE_SET, VALUE_SAME, VALUE_STAYED }; // stayed: it is not what set->was says
bool value_set(struct db_tx *tx, const char *project, const struct field_set *set,
               const char *change, struct arena *a, enum value_fate *fate, struct error *err);
bool change_begin(struct db_tx *tx, const char *project, const struct teller *by, const char *title,
                  id *change, struct error *err);
// ValueChange.
bool change_json(struct db_tx *tx, const char *change, int64_t left, json_t **json,
                 struct error *err);
// Writes down what is to be set; runs_wake when that is committed.
bool run_begin(struct db_tx *tx, const char *project, const struct teller *by, const char *title,
               const struct field_set *sets, size_t count, char change[27], struct error *err);
bool run_say(struct db_tx *tx, const char *project, const char *change, struct error *err);
// ValueRun of the columns from `from`, null for none: total, done, stayed, began_ms, began_done,
// ended_ms, problem.
json_t *run_json(struct db_rows *rows, int from);

// ---- The shelf: what lists need of one project's assets, in memory

struct item {
    char id[27], folder[27];
    bool there;   // not deleted; what is not there has only its id
    uint8_t kind; // of kind_words
    int64_t words, created_ms, size, duration_ms;
    int64_t starts_us, lasts_us; // of timecode; -1: none
    int width, height, channels, tc_base, tc_drop;
    const char *name, *sort, *codec, *rate, *state, *status, *by; // one block, behind the item
    double label; // of the first frame (label_value); -1: none
};

struct cell {    // of a field
    char *value; // NULL: none
    double at;
};

struct column {
    int64_t field;
    enum field_type type;
    struct cell *cells; // by place
    size_t room;
};

struct order { // places in the order of something; all that are there
    char by[24];
    uint32_t *places;
    size_t count, with_value; // what has no value is last, by name
};

struct take_pair {
    uint32_t sound, picture;
    bool by_hand;
};

struct shelf {
    char project[27];
    int64_t event, used; // the last one heard; when it was asked last
    struct item **items; // by place; places stay
    size_t count, room;
    uint32_t *by_id; // places, open addressing; UINT32_MAX: free
    size_t by_id_size;
    struct arena *fields_arena;
    struct field *fields;
    size_t field_count;
    struct column *columns; // beside fields
    struct order orders[24];
    size_t order_count;
    struct take_pair *pairs; // by picture, then sound
    size_t pair_count;
    bool pairs_known;
};

extern const char *const kind_words[];                       // clip, sound, ...; NULL-ended
uint32_t shelf_place(const struct shelf *s, const char *id); // UINT32_MAX: not here
const struct cell *shelf_cell(const struct shelf *s, int64_t field, uint32_t place); // NULL: none
int shelf_column(const struct shelf *s, int64_t field);         // -1: no such field
int64_t shelf_named(const struct shelf *s, const char *folded); // number of a field; 0: none

// ---- order.c
// Places in the order asked for; what has no value is last. INPUT for an unknown one.
bool shelf_order(struct shelf *s, const char *by, const struct order **order, struct error *err);
void shelf_orders_drop(struct shelf *s);
// `place` has other values now, is new, or is gone.
void shelf_orders_mend(struct shelf *s, const uint32_t *places, size_t count);

// ---- where.c
// hits[place] stays 1 where the condition holds. `tx`: for what is not in memory.
bool shelf_where(struct shelf *s, struct db_tx *tx, const json_t *where, uint8_t *hits,
                 struct error *err);

// ---- takes.c
bool shelf_pairs(struct shelf *s, struct db_tx *tx, struct error *err);

// ---- shelf.c
// The shelf of a project as it is now, locked; give it back.
struct shelf *shelf_take(struct shelves *all, struct db_tx *tx, const char *project,
                         struct error *err);
void shelf_give_back(struct shelves *all);
bool item_counting(const struct item *item, struct tc_rate *rate);
bool item_label(const struct item *item, tc_label *label); // of its first frame
