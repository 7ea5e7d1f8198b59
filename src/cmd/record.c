#include "cmd/record.h"
#include "cmd/settings.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECORD_BYTES = 16 << 20 };

bool record_rules(struct command_call *call, const char **folder, struct error *err)
{
    char data[4096];
    if (!settings_data_folder(call->config, data, sizeof(data))) {
        error_set(err, ERROR_NOT_FOUND, "the house's tables of metadata are missing");
        return error_fix(err, "set data.folder to where data/ lies");
    }
    *folder = arena_format(call->arena, "%s/rules/metadata", data);
    return true;
}

// "track[2].language": *item from 0; without a number the first.
static const struct metadata_field *named(struct command_call *call, text name, size_t *item)
{
    text left = name, group = text_cut(&left, '[');
    int64_t number = 1;
    *item = 0;
    if (left.size) {
        text digits = text_cut(&left, ']');
        if (!text_int(digits, &number) || number < 1 || number > METADATA_VALUES ||
            !text_starts(left, "."))
            return NULL;
        name = text_of(arena_format(call->arena, "%.*s%.*s", (int)group.size, group.at,
                                    (int)left.size, left.at));
        *item = (size_t)number - 1;
    }
    return metadata_field_named(name);
}

static bool no_field(text name, struct error *err)
{
    const char *names[200];
    size_t count;
    char given[100];
    const struct metadata_field *fields = metadata_fields(&count);
    for (size_t i = 0; i < count && i < 200; i++)
        names[i] = fields[i].name;
    text_copy(name, given, sizeof(given));
    const char *near = text_nearest(given, names, count);
    error_set(err, ERROR_USAGE, "there is no field %s", given);
    return near ? error_fix(err, "did you mean %s?", near)
                : error_fix(err, "`posthouse map --fields` lists them");
}

static const char *person(struct command_call *call)
{
    const struct passwd *p = getpwuid(getuid());
    return arena_text(call->arena, p && p->pw_name[0] ? p->pw_name : "somebody");
}

static bool say(struct command_call *call, struct metadata *m, const char *said, struct error *err)
{
    text value = text_of(said), name = text_cut(&value, '=');
    size_t item;
    const struct metadata_field *f = named(call, name, &item);
    struct metadata_source from = {.person = person(call), .at = clock_text(clock_now_ms()).text};
    if (!strchr(said, '=')) {
        error_set(err, ERROR_USAGE, "%s is no field with a value", said);
        return error_fix(err, "write FIELD=VALUE, as work.title=Night");
    }
    if (!f)
        return no_field(name, err);
    if (metadata_set(m, f, item, value, &from))
        return true;
    error_set(err, ERROR_USAGE, "%s can not be \"%.*s\"", f->name, (int)value.size, value.at);
    error_why(err, "it is %s", f->help);
    return f->words ? error_fix(err, "one of: %s", f->words)
                    : error_fix(err, "`posthouse map --fields` tells the forms");
}

static bool read_record(struct command_call *call, const char *file, struct metadata **m,
                        struct error *err)
{
    struct buf content = BUF_LIMIT(RECORD_BYTES);
    json_error_t why;
    json_t *json = NULL;
    bool ok = file_read(file, &content, err);
    if (ok && !(json = json_loadb(content.at ? content.at : "", content.size, 0, &why))) {
        error_set(err, ERROR_INPUT, "%s is no record", file);
        ok = error_why(err, "line %d: %s", why.line, why.text);
    }
    ok = ok && metadata_parse(call->arena, json, m, err);
    json_decref(json);
    buf_free(&content);
    return ok;
}

bool record_told(struct command_call *call, const char *file, const char *const *words,
                 size_t count, json_t **told, struct error *err)
{
    struct metadata *m = metadata_new(call->arena);
    *told = NULL;
    if (file && !read_record(call, file, &m, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!say(call, m, words[i], err))
            return false;
    if (m->count)
        *told = metadata_json(m);
    return true;
}
