// A project's fields, and what is a value of one.
#include "house/fields/inside.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *const field_type_names[FIELD_TYPES] = {"text", "number", "choice",
                                                   "date", "yesno",  "timecode"};

static const char *const usual[] = {"Scene", "Take", "Reel", "Camera", "Notes"};

const char *folded_name(struct arena *a, const char *name)
{
    text t = text_trim(text_of(name));
    char *made = arena_copy(a, t.at ? t.at : "", t.size);
    for (char *c = made; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    return made;
}

static bool type_named(const char *name, enum field_type *type)
{
    for (int i = 0; i < FIELD_TYPES; i++)
        if (strcmp(field_type_names[i], name) == 0) {
            *type = (enum field_type)i;
            return true;
        }
    return false;
}

int64_t field_number(const char *key)
{
    int64_t number;
    return key && key[0] == 'f' && text_int(text_of(key + 1), &number) && number > 0 ? number : 0;
}

// ---- reading

static const char *const *choices_of(struct arena *a, const char *written)
{
    json_t *list = json_loads(written, 0, NULL), *one;
    size_t i;
    const char **made = ARENA_ARRAY(a, const char *, json_array_size(list) + 1);
    json_array_foreach(list, i, one) made[i] = arena_text(a, json_string_value(one));
    json_decref(list);
    return made;
}

bool fields_load(struct db_tx *tx, const char *project, struct arena *a, struct field **list,
                 size_t *count, struct error *err)
{
    *list = ARENA_ARRAY(a, struct field, FIELDS_MOST + 1);
    *count = 0;
    struct db_rows *rows = db_query(tx,
                                    "select number, position, name, folded, type, choices from "
                                    "fields where project = ?1 and removed = 0 order by position, "
                                    "number",
                                    "s", project);
    while (db_next(rows) && *count < FIELDS_MOST) {
        struct field *f = &(*list)[(*count)++];
        *f = (struct field){.number = db_int(rows, 0),
                            .position = db_int(rows, 1),
                            .name = arena_text(a, db_text(rows, 2)),
                            .folded = arena_text(a, db_text(rows, 3)),
                            .choices = choices_of(a, db_text(rows, 5))};
        if (!type_named(db_text(rows, 4), &f->type))
            f->type = FIELD_TEXT;
    }
    return db_end(rows, err);
}

const struct field *field_of(const struct field *list, size_t count, int64_t number)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].number == number)
            return &list[i];
    return NULL;
}

json_t *field_json(const struct field *f)
{
    char key[24];
    json_t *choices = json_array();
    snprintf(key, sizeof(key), "f%lld", (long long)f->number);
    for (const char *const *c = f->choices; c && *c; c++)
        json_array_append_new(choices, json_string(*c));
    return json_pack("{s:s, s:I, s:s, s:s, s:o, s:I}", "key", key, "number", (json_int_t)f->number,
                     "name", f->name, "type", field_type_names[f->type], "choices", choices,
                     "position", (json_int_t)f->position);
}

bool fields_list(struct db_tx *tx, const char *project, json_t **list, struct error *err)
{
    struct arena *a = arena_open(16 << 20);
    struct field *fields;
    size_t count;
    bool ok = fields_load(tx, project, a, &fields, &count, err);
    *list = ok ? json_array() : NULL;
    for (size_t i = 0; ok && i < count; i++)
        json_array_append_new(*list, field_json(&fields[i]));
    arena_close(a);
    return ok;
}

// ---- changing

bool fields_ensure(struct db_tx *tx, const char *project, struct error *err)
{
    int64_t count = 0;
    if (!db_one_int(tx, &count, 0, err, "select count(*) from fields where project = ?1", "s",
                    project))
        return false;
    struct arena *a = arena_open(1 << 16);
    bool ok = true;
    for (size_t i = 0; ok && !count && i < sizeof(usual) / sizeof(usual[0]); i++)
        ok = db_run(tx, err,
                    "insert into fields (project, number, name, folded, type, choices, position) "
                    "values (?1, ?2, ?3, ?4, 'text', '[]', ?2)",
                    "siss", project, (int64_t)i + 1, usual[i], folded_name(a, usual[i]));
    arena_close(a);
    return ok;
}

static bool refuse(struct error *err, enum error_kind kind, const char *why, const char *fix)
{
    error_set(err, kind, "this field cannot be kept");
    error_why(err, "%s", why);
    return error_fix(err, "%s", fix);
}

static bool name_good(struct db_tx *tx, const char *project, const char *folded, int64_t own,
                      struct error *err)
{
    int64_t taken = 0;
    text t = text_of(folded);
    if (!t.size || t.size > FIELD_NAME_MOST || !text_utf8(t))
        return refuse(err, ERROR_INPUT, "its name is empty, too long or no text",
                      "take a name of at most 60 bytes");
    for (size_t i = 0; i < t.size; i++)
        if ((unsigned char)t.at[i] < ' ' || t.at[i] == 127)
            return refuse(err, ERROR_INPUT, "its name has a control character in it",
                          "take another name");
    if (!db_one_int(tx, &taken, 0, err,
                    "select count(*) from fields where project = ?1 and folded = ?2 and removed = "
                    "0 and number <> ?3",
                    "ssi", project, folded, own))
        return false;
    return !taken || refuse(err, ERROR_CONFLICT, "there is one of this name",
                            "take another name, or change that one");
}

static bool choices_good(const json_t *choices, char **written, struct error *err)
{
    size_t i;
    const json_t *one;
    *written = NULL;
    if (json_array_size(choices) > FIELD_CHOICES_MOST)
        return refuse(err, ERROR_INPUT, "it has more than 200 choices", "make it a text");
    json_array_foreach(choices, i, one)
    {
        text t = text_of(json_string_value(one));
        if (!t.size || t.size > 200 || text_trim(t).size != t.size)
            return refuse(err, ERROR_INPUT, "a choice is empty, too long or begins with a space",
                          "write each choice as it shall be seen");
    }
    *written = choices ? json_dumps(choices, JSON_COMPACT) : strdup("[]");
    return *written != NULL;
}

bool say_fields(struct db_tx *tx, const char *project, const char *change, const char *asset,
                struct error *err)
{
    json_t *body = json_object();
    if (change)
        json_object_set_new(body, "change", json_string(change));
    if (asset)
        json_object_set_new(body, "asset", json_string(asset));
    char *written = json_dumps(body, JSON_COMPACT);
    bool ok = db_event(tx, "fields.changed", project, asset ? asset : project, written, err);
    free(written);
    json_decref(body);
    return ok;
}

bool field_add(struct db_tx *tx, const char *project, const char *name, const char *type,
               const json_t *choices, int64_t *number, struct error *err)
{
    enum field_type as;
    int64_t count = 0, last = 0;
    char *written = NULL;
    if (!type_named(type, &as))
        return refuse(err, ERROR_INPUT, "there is no such type",
                      "text, number, choice, date, yesno or timecode");
    if (!db_one_int(tx, &count, 0, err,
                    "select count(*) from fields where project = ?1 and removed = 0", "s",
                    project) ||
        !db_one_int(tx, &last, 0, err, "select max(number) from fields where project = ?1", "s",
                    project))
        return false;
    if (count >= FIELDS_MOST)
        return refuse(err, ERROR_TOO_BIG, "the project has 100 of them", "remove one first");
    if (as == FIELD_CHOICE && !json_array_size(choices))
        return refuse(err, ERROR_INPUT, "a choice needs something to choose from",
                      "give its choices, or make it a text");
    struct arena *a = arena_open(1 << 16);
    const char *folded = folded_name(a, name);
    text trimmed = text_trim(text_of(name));
    *number = last + 1;
    bool ok = name_good(tx, project, folded, 0, err) &&
              choices_good(as == FIELD_CHOICE ? choices : NULL, &written, err) &&
              db_run(tx, err,
                     "insert into fields (project, number, name, folded, type, choices, position) "
                     "values (?1, ?2, ?3, ?4, ?5, ?6, ?2)",
                     "sitsss", project, *number, trimmed, folded, type, written) &&
              say_fields(tx, project, NULL, NULL, err);
    free(written);
    arena_close(a);
    return ok;
}

static bool there(struct db_tx *tx, const char *project, int64_t number, struct error *err)
{
    int64_t count = 0;
    if (!db_one_int(
            tx, &count, 0, err,
            "select count(*) from fields where project = ?1 and number = ?2 and removed = 0", "si",
            project, number))
        return false;
    if (count)
        return true;
    error_set(err, ERROR_NOT_FOUND, "there is no such field");
    return error_fix(err, "somebody may have removed it: load the fields again");
}

bool field_change(struct db_tx *tx, const char *project, int64_t number, const char *name,
                  const json_t *choices, int64_t position, struct error *err)
{
    struct arena *a = arena_open(1 << 16);
    char *written = NULL;
    const char *folded = name ? folded_name(a, name) : NULL;
    bool ok = there(tx, project, number, err);
    if (ok && name)
        ok = name_good(tx, project, folded, number, err) &&
             db_run(tx, err,
                    "update fields set name = ?3, folded = ?4 where project = ?1 and number = ?2",
                    "sits", project, number, text_trim(text_of(name)), folded);
    if (ok && choices)
        ok = choices_good(choices, &written, err) &&
             db_run(tx, err,
                    "update fields set choices = ?3 where project = ?1 and number = ?2 and type = "
                    "'choice'",
                    "sis", project, number, written);
    if (ok && position >= 0)
        ok = db_run(tx, err, "update fields set position = ?3 where project = ?1 and number = ?2",
                    "sii", project, number, position);
    ok = ok && say_fields(tx, project, NULL, NULL, err);
    free(written);
    arena_close(a);
    return ok;
}

bool field_remove(struct db_tx *tx, const char *project, int64_t number, struct error *err)
{
    return there(tx, project, number, err) &&
           db_run(tx, err, "update fields set removed = 1 where project = ?1 and number = ?2", "si",
                  project, number) &&
           say_fields(tx, project, NULL, NULL, err);
}

// ---- values

static bool number_value(const char *said, struct arena *a, const char **value, double *at)
{
    char copy[64], *end;
    text t = text_trim(text_of(said));
    if (t.size >= sizeof(copy) || !text_copy(t, copy, sizeof(copy)))
        return false;
    char *comma = strchr(copy, ',');
    if (comma && !strchr(copy, '.') && !strchr(comma + 1, ','))
        *comma = '.';
    if (copy[strspn(copy, "+-0123456789.eE")])
        return false;
    *at = strtod(copy, &end);
    if (end == copy || *end || !(*at > -1e300 && *at < 1e300))
        return false;
    *value = arena_format(a, "%.15g", *at);
    return true;
}

static bool day_good(int year, int month, int day)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return year >= 1800 && year < 3000 && month >= 1 && month <= 12 && day >= 1 &&
           day <= days[month - 1] && (month != 2 || day < 29 || leap);
}

// 2026-11-24, 2026/11/24, 20261124, 24.11.2026. What could be two days is none.
static bool date_value(const char *said, struct arena *a, const char **value, double *at)
{
    int y = 0, m = 0, d = 0, used = 0;
    if ((sscanf(said, "%4d-%2d-%2d%n", &y, &m, &d, &used) == 3 ||
         sscanf(said, "%4d/%2d/%2d%n", &y, &m, &d, &used) == 3 ||
         sscanf(said, "%2d.%2d.%4d%n", &d, &m, &y, &used) == 3 ||
         (strspn(said, "0123456789") == 8 &&
          sscanf(said, "%4d%2d%2d%n", &y, &m, &d, &used) == 3)) &&
        (!said[used] || said[used] == 'T' || said[used] == ' ') && day_good(y, m, d)) {
        *value = arena_format(a, "%04d-%02d-%02d", y, m, d);
        *at = y * 10000 + m * 100 + d;
        return true;
    }
    return false;
}

static bool yesno_value(const char *said, const char **value, double *at)
{
    static const char *const words[][2] = {{"yes", "no"}, {"true", "false"}, {"1", "0"},
                                           {"y", "n"},    {"x", "-"},        {"on", "off"}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        for (int no = 0; no < 2; no++)
            if (strcasecmp(said, words[i][no]) == 0) {
                *value = no ? "no" : "yes";
                *at = !no;
                return true;
            }
    return false;
}

bool label_value(const char *said, double *at)
{
    int h, m, s, f, used = 0;
    if (sscanf(said, "%2d:%2d:%2d%*1[:;.,]%3d%n", &h, &m, &s, &f, &used) != 4 || said[used] ||
        h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 59 || f < 0)
        return false;
    *at = h * 3600 + m * 60 + s + f / 1000.0;
    return true;
}

static bool choice_value(const struct field *f, const char *said, const char **value)
{
    for (const char *const *c = f->choices; c && *c; c++)
        if (strcasecmp(*c, said) == 0) {
            *value = *c;
            return true;
        }
    return false;
}

bool field_value(const struct field *f, const char *said, struct arena *a, const char **value,
                 double *at, const char **why)
{
    static const char *const reasons[FIELD_TYPES] = {
        NULL,
        "it is no number",
        "it is not among the choices",
        "it is no date that can be told: write 2026-11-24",
        "it is neither yes nor no",
        "it is no timecode: write 01:00:00:00"};
    text t = text_trim(text_of(said));
    *at = 0;
    *value = "";
    *why = NULL;
    if (!t.size)
        return true;
    if (t.size > FIELD_VALUE_MOST || !text_utf8(t)) {
        *why = "it is longer than 4,000 bytes, or no text";
        return false;
    }
    said = *value = arena_copy(a, t.at, t.size);
    bool ok = f->type == FIELD_NUMBER     ? number_value(said, a, value, at)
              : f->type == FIELD_CHOICE   ? choice_value(f, said, value)
              : f->type == FIELD_DATE     ? date_value(said, a, value, at)
              : f->type == FIELD_YESNO    ? yesno_value(said, value, at)
              : f->type == FIELD_TIMECODE ? label_value(said, at)
                                          : true;
    if (!ok)
        *why = reasons[f->type];
    return ok;
}
