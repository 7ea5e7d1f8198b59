#include "base/config.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct config {
    struct setting *rows;
    char **owned; // one a row: the text of a value that was set
    size_t count;
};

static bool units(text t, const char *const *names, const int64_t *factors, size_t count,
                  int64_t *out)
{
    size_t digits = 0;
    while (digits < t.size && isdigit((unsigned char)t.at[digits]))
        digits++;
    int64_t number;
    if (!text_int((text){t.at, digits}, &number))
        return false;
    text unit = text_trim((text){t.at + digits, t.size - digits});
    for (size_t i = 0; i < count; i++)
        if (text_is(unit, names[i]))
            return !__builtin_mul_overflow(number, factors[i], out);
    return false;
}

static bool value_number(enum setting_type type, const char *value, int64_t *out)
{
    static const char *const sizes[] = {"",   "B",   "kB",  "MB",  "GB",
                                        "TB", "KiB", "MiB", "GiB", "TiB"};
    static const int64_t size_factors[] = {
        1, 1, 1000, 1000000, 1000000000, 1000000000000, 1LL << 10, 1LL << 20, 1LL << 30, 1LL << 40};
    static const char *const times[] = {"ms", "s", "min", "h", "d"};
    static const int64_t time_factors[] = {1, 1000, 60000, 3600000, 86400000};
    text t = text_of(value);
    *out = 0;
    switch (type) {
    case SETTING_TEXT:
        return true;
    case SETTING_INT:
        return text_int(t, out);
    case SETTING_BOOL:
        *out = text_is(t, "on") || text_is(t, "yes") || text_is(t, "true") || text_is(t, "1");
        return *out || text_is(t, "off") || text_is(t, "no") || text_is(t, "false") ||
               text_is(t, "0");
    case SETTING_SIZE:
        return units(t, sizes, size_factors, 10, out);
    case SETTING_TIME_MS:
        return units(t, times, time_factors, 5, out);
    }
    return false;
}

bool config_size(text t, int64_t *size_bytes)
{
    char value[64];
    return text_copy(text_trim(t), value, sizeof(value)) &&
           value_number(SETTING_SIZE, value, size_bytes);
}

static const char *type_example(enum setting_type type)
{
    static const char *const examples[] = {"any text", "a whole number", "on or off",
                                           "a size such as 64 MiB or 10 GB",
                                           "a time such as 500 ms, 30 s or 12 h"};
    return examples[type];
}

struct config *config_open(const struct setting *table, size_t count)
{
    struct config *c = calloc(1, sizeof(*c));
    assert(c);
    c->rows = calloc(count, sizeof(*c->rows));
    c->owned = calloc(count, sizeof(*c->owned));
    c->count = count;
    assert(c->rows && c->owned);
    for (size_t i = 0; i < count; i++) {
        c->rows[i] = table[i];
        c->rows[i].source = "default";
        bool valid = value_number(table[i].type, table[i].value, &c->rows[i].number);
        assert(valid);
        (void)valid;
    }
    return c;
}

void config_close(struct config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->count; i++)
        free(c->owned[i]);
    free(c->owned);
    free(c->rows);
    free(c);
}

static struct setting *find(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->rows[i].name, name) == 0)
            return &c->rows[i];
    return NULL;
}

bool config_set(struct config *c, const char *name, const char *value, const char *source,
                struct error *err)
{
    struct setting *row = find(c, name);
    if (!row) {
        const char *names[256];
        size_t count = c->count < 256 ? c->count : 256;
        for (size_t i = 0; i < count; i++)
            names[i] = c->rows[i].name;
        const char *near = text_nearest(name, names, count);
        error_set(err, ERROR_USAGE, "there is no setting %s", name);
        error_why(err, "it was given by the %s", source);
        return near ? error_fix(err, "did you mean %s? `posthouse config` lists all", near)
                    : error_fix(err, "`posthouse config` lists all settings");
    }
    int64_t number;
    if (!value_number(row->type, value, &number)) {
        error_set(err, ERROR_USAGE, "the setting %s can not be '%s'", name, value);
        error_why(err, "it takes %s", type_example(row->type));
        return error_fix(err, "correct it; the default is %s", row->value);
    }
    size_t index = (size_t)(row - c->rows);
    char *copy = strdup(value);
    assert(copy);
    free(c->owned[index]);
    row->value = c->owned[index] = copy;
    row->number = number;
    row->source = source;
    return true;
}

bool config_read(struct config *c, const char *file_name, text content, struct error *err)
{
    for (int line = 1; content.size; line++) {
        text row = text_cut(&content, '\n');
        row = text_trim(text_cut(&row, '#'));
        if (!row.size)
            continue;
        text value = row;
        text name = text_trim(text_cut(&value, '='));
        value = text_trim(value);
        char name_text[128], value_text[1024];
        if (name.size == row.size || !text_copy(name, name_text, sizeof(name_text)) ||
            !text_copy(value, value_text, sizeof(value_text))) {
            error_set(err, ERROR_USAGE, "%s line %d is not a setting", file_name, line);
            error_why(err, "a line has the form: name = value");
            return error_fix(err, "correct the line");
        }
        if (!config_set(c, name_text, value_text, "file", err))
            return error_while(err, "%s line %d", file_name, line);
    }
    return true;
}

bool config_environment(struct config *c, char *const *environment, struct error *err)
{
    for (size_t i = 0; i < c->count; i++) {
        char name[128] = "POSTHOUSE_";
        size_t size = strlen(name);
        for (const char *at = c->rows[i].name; *at && size < sizeof(name) - 2; at++)
            name[size++] = *at == '.' || *at == '-' ? '_' : (char)toupper((unsigned char)*at);
        name[size++] = '=';
        for (char *const *e = environment; e && *e; e++)
            if (strncmp(*e, name, size) == 0 &&
                !config_set(c, c->rows[i].name, *e + size, "environment", err))
                return false;
    }
    return true;
}

static const struct setting *known(const struct config *c, const char *name)
{
    const struct setting *row = find(c, name);
    if (!row) {
        fprintf(stderr, "posthouse: no setting %s in the table\n", name);
        abort();
    }
    return row;
}

const char *config_text(const struct config *c, const char *name)
{
    return known(c, name)->value;
}

int64_t config_int(const struct config *c, const char *name)
{
    return known(c, name)->number;
}

bool config_bool(const struct config *c, const char *name)
{
    return known(c, name)->number != 0;
}

size_t config_count(const struct config *c)
{
    return c->count;
}

const struct setting *config_row(const struct config *c, size_t index)
{
    return &c->rows[index];
}
