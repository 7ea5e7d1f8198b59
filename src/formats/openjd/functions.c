// The function library (E§2): calls, looked up in the tables of functions_*.c.
//
// Operators are functions with the operator for a name ("u-" is the unary one, "[]" an index). A
// call looks for a row that takes the arguments as they are, then for one that takes them after a
// conversion that loses nothing: int to float, path to string, range to list. With an argument that
// is not known the same search is done on types and the answer is what all rows that fit could
// give.
#include "formats/openjd/functions.h"

#include <ctype.h>
#include <string.h>

enum { NAMES_MOST = 256 }; // of functions that a wrong name is compared with

static bool is_operator(const char *name)
{
    return !islower((unsigned char)name[0]) || strcmp(name, "in") == 0 ||
           strcmp(name, "not in") == 0 || strcmp(name, "not") == 0 || strcmp(name, "u-") == 0 ||
           strcmp(name, "u+") == 0;
}

static const struct function_row *const tables[] = {number_functions, list_functions,
                                                    word_functions, path_functions};

// The row after this one, NULL at the end of all tables.
static const struct function_row *next_row(const struct function_row *row, size_t *table)
{
    row = row ? row + 1 : tables[ *table = 0];
    while (!row->name) {
        if (++*table == sizeof(tables) / sizeof(tables[0]))
            return NULL;
        row = tables[*table];
    }
    return row;
}

bool function_known(text name)
{
    size_t table;
    for (const struct function_row *row = NULL; (row = next_row(row, &table));)
        if (text_is(name, row->name))
            return true;
    return false;
}

// What an argument of these types can be turned into on its way into a function.
static openjd_types widened(openjd_types t)
{
    if (t & INT)
        t |= FLO;
    if (t & PAT)
        t |= STR;
    if (t & LIST_OF(INT))
        t |= LIST_OF(FLO);
    if (t & LIST_OF(PAT))
        t |= LIST_OF(STR);
    if (t & EMPTY)
        t |= LIST_ANY;
    return t;
}

static openjd_types result_of(const struct function_row *row, const openjd_types *matched)
{
    openjd_types item;
    switch (row->how) {
    case GIVES_FIRST:
        return matched[0];
    case GIVES_ITEM:
        return types_item(matched[0]);
    case GIVES_FLAT:
        return (matched[0] & OPENJD_T_LIST(0x7f)) | (matched[0] >> 7 & OPENJD_T_LIST(0x7f));
    case GIVES_JOINED:
        // Either side's type, floats and strings when the sides differ.
        item = types_item(matched[0]) | types_item(matched[1]) |
               ((matched[0] | matched[1]) & RNG ? INT : 0);
        if (item & ~NUL)
            item &= ~NUL;
        return OPENJD_T_LIST(item);
    default:
        return row->gives;
    }
}

static bool can_join(openjd_types a, openjd_types b)
{
    openjd_types x = types_item(a) | (a & RNG ? INT : 0), y = types_item(b) | (b & RNG ? INT : 0);
    if ((x | y) & NUL || x & y)
        return true;
    return ((x & (INT | FLO)) && (y & (INT | FLO))) || ((x & (STR | PAT)) && (y & (STR | PAT))) ||
           (x & LIST_ANY && y & LIST_ANY);
}

static bool row_takes(const struct function_row *row, args_t args, size_t count, bool widen,
                      bool method, openjd_types *matched)
{
    if (row->count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        openjd_types have = widen && !(method && i == 0) ? widened(args[i].type) : args[i].type;
        matched[i] = have & row->takes[i];
        if (!matched[i] && args[i].type) // what never returns fits everywhere
            return false;
    }
    return row->how != GIVES_JOINED || can_join(args[0].type, args[1].type);
}

static bool no_such_call(struct eval *e, text name, args_t args, size_t count)
{
    const char *names[NAMES_MOST];
    size_t n = 0, table;
    text list = {"", 0};
    for (const struct function_row *row = NULL; (row = next_row(row, &table)) && n < NAMES_MOST;)
        if (!is_operator(row->name))
            names[n++] = row->name;
    if (!function_known(name) || (text_is(name, "apply_path_mapping") && !e->on_host)) {
        const char *near = text_nearest(arena_copy(e->arena, name.at, name.size), names, n);
        if (text_is(name, "apply_path_mapping"))
            return eval_fail(e, "apply_path_mapping() exists on the host that runs a task only");
        return eval_fail(e, "there is no function '%.*s'%s%s%s", TEXT_ARGS(name),
                         near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    for (size_t i = 0; i < count; i++) {
        text one = openjd_types_text(e->arena, args[i].type);
        list = text_join(e->arena, "%.*s%s%.*s", TEXT_ARGS(list), i ? ", " : "", TEXT_ARGS(one));
    }
    return eval_fail(e, "'%.*s' does not take (%.*s)", TEXT_ARGS(name), TEXT_ARGS(list));
}

static bool run_row(struct eval *e, const struct function_row *row, args_t args,
                    const openjd_types *matched, struct openjd_value *out)
{
    struct openjd_value turned[4];
    for (size_t i = 0; i < row->count; i++)
        if (!value_coerce(e->arena, &args[i], matched[i], &turned[i], e->err))
            return false;
    return row->run(e, turned, row->count, out);
}

bool function_call(struct eval *e, text name, const struct openjd_value *args, size_t count,
                   bool method, struct openjd_value *out)
{
    openjd_types matched[4], could = 0;
    bool known = true, fits = false;
    bool hidden = text_is(name, "apply_path_mapping") && !e->on_host;
    if (!eval_spend(e, 1))
        return false;
    for (size_t i = 0; i < count; i++)
        known &= args[i].known;
    for (int widen = 0; widen < 2 && !hidden; widen++) {
        size_t table;
        for (const struct function_row *row = NULL; (row = next_row(row, &table));) {
            if (!text_is(name, row->name) || !row_takes(row, args, count, widen, method, matched))
                continue;
            if (known)
                return run_row(e, row, args, matched, out);
            fits = true;
            could |= result_of(row, matched);
        }
    }
    if (!fits)
        return no_such_call(e, name, args, count);
    *out = openjd_unknown(could);
    return true;
}
