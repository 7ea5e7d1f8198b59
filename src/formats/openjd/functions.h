/*
 * formats/openjd functions: what the files of the function library share. Each has a table of
 * names, argument types and what comes out; functions.c looks calls up in all of them.
 */
#pragma once
#include "formats/openjd/inside.h"
#include "formats/openjd/short_types.h"

#pragma GCC visibility push(hidden)

#define LISTS_OF_LISTS OPENJD_T_LIST(OPENJD_T_LIST(0x7f))

enum gives { GIVES, GIVES_FIRST, GIVES_ITEM, GIVES_FLAT, GIVES_JOINED };

struct function_row {
    const char *name;
    openjd_types takes[4];
    size_t count;
    enum gives how;
    openjd_types gives; // GIVES
    bool (*run)(struct eval *e, const struct openjd_value *args, size_t count,
                struct openjd_value *out);
};

typedef const struct openjd_value *args_t;
#define RUN(name)                                                                                  \
    static bool name(struct eval *e, args_t args, size_t count, struct openjd_value *out)
#define UNUSED_COUNT (void)count

// Tables end with a row without a name.
extern const struct function_row number_functions[], list_functions[], word_functions[],
    path_functions[];

// What several of them give.
bool give_same(struct eval *e, args_t args, size_t count, struct openjd_value *out);
bool give_real(struct eval *e, double real, struct openjd_value *out); // refused when not finite
bool give_whole(struct eval *e, double real, struct openjd_value *out);
bool give_text(struct eval *e, text made, struct openjd_value *out);
bool give_texts(struct eval *e, const text *parts, size_t n, struct openjd_value *out);
bool join_words(struct eval *e, args_t args, size_t count, struct openjd_value *out);
double value_number(args_t v);                        // of an int or a float
size_t value_weight(args_t v);                        // what looking at all of it costs
const char *text_find(text in, text what, bool last); // or NULL
#pragma GCC visibility pop
