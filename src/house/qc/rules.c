// The table of checks, and reading of rules.
#include "house/qc/inside.h"

#include <string.h>

const struct check checks[] = {
    {"black", " most_ms ", check_black},
    {"black-long", " most_ms ", check_black_long},
    {"freeze", " least_ms change ", check_freeze},
    {"repeated", " change ", check_repeated},
    {"dropped", " ", check_dropped},
    {"decode", " ", check_decode},
    {"broken", " blocks_percent lines ", check_broken},
    {"flash", " area_percent flashes ", check_flash},
    {"red-flash", " area_percent flashes ", check_red_flash},
    {"levels", " area_percent ", check_levels},
    {"fields", " lean_percent ", check_fields},
    {"field-order", " lean_percent ", check_field_order},
    {"cadence", " ", check_cadence},
    {"pixels", " ", check_pixels},
    {"letterbox", " pixels least_ms ", check_letterbox},
    {"silence", " level_db least_ms ", check_silence},
    {"dead-channel", " level_db ", check_dead_channel},
    {"dropout", " least_us ", check_dropout},
    {"clipping", " runs ", check_clipping},
    {"click", " ratio ", check_click},
    {"phase", " correlation least_ms ", check_phase},
    {"dual-mono", " ", check_dual_mono},
    {"swapped", " ", check_swapped},
    {"dc", " percent ", check_dc},
    {"loudness", " target_lufs tolerance_lu ", check_loudness},
    {"loudness-range", " most_lu ", check_range},
    {"short-term", " most_lufs ", check_short_term},
    {"true-peak", " most_dbtp ", check_true_peak},
    {"length", " most_ms ", check_length},
    {"sync", " early_ms late_ms ", check_sync},
    {"container", " ", check_container},
    {"timecode", " ", check_timecode},
};
const size_t check_count = sizeof(checks) / sizeof(checks[0]);

static const char *const severities[] = {"fix", "issue", "information"};

int qc_severity(const char *name)
{
    for (int i = 0; name && i < 3; i++)
        if (strcmp(severities[i], name) == 0)
            return i;
    return -1;
}

// ---- reading

// The line of a text of the file; jansson keeps none of what it has read.
static int line_of(text content, const char *word)
{
    char quoted[160];
    snprintf(quoted, sizeof(quoted), "\"%.150s\"", word);
    size_t size = strlen(quoted);
    int line = 1;
    for (size_t i = 0; i + size <= content.size; i++) {
        if (memcmp(content.at + i, quoted, size) == 0)
            return line;
        line += content.at[i] == '\n';
    }
    return 1;
}

struct reading {
    const char *file;
    text content;
    struct error *err;
};

static bool wrong(const struct reading *r, const char *near, const char *why)
{
    error_set(r->err, ERROR_INPUT, "the rules %s can not be used", r->file);
    error_why(r->err, "line %d: %s", line_of(r->content, near), why);
    return error_fix(r->err, "docs/formats/rules.md says what a rule has");
}

static bool has_text(const json_t *object, const char *name, size_t most)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value && *value && strlen(value) <= most;
}

static bool is_field(const char *name)
{
    static const char *const known[] = {"id",   "check",    "clause", "source",
                                        "date", "severity", "note"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i], name) == 0)
            return true;
    return false;
}

static bool check_numbers(const struct reading *r, const json_t *rule, const struct check *c)
{
    const char *id = json_string_value(json_object_get(rule, "id")), *name;
    char numbers[128], why[200], *rest = numbers, *one;
    json_t *value;
    snprintf(numbers, sizeof(numbers), "%s", c->numbers);
    while ((one = strsep(&rest, " ")))
        if (*one && !json_is_number(json_object_get(rule, one))) {
            snprintf(why, sizeof(why), "the check %s needs the number \"%s\"", c->name, one);
            return wrong(r, id, why);
        }
    json_object_foreach((json_t *)(uintptr_t)rule, name, value)
    {
        char word[80];
        snprintf(word, sizeof(word), " %.70s ", name);
        if (is_field(name) || strstr(c->numbers, word))
            continue;
        snprintf(why, sizeof(why), "\"%.60s\" is not a field of the check %s, which has%s", name,
                 c->name, c->numbers[1] ? c->numbers : " no numbers");
        return wrong(r, id, why);
    }
    return true;
}

static bool check_rule(const struct reading *r, const json_t *rule)
{
    char why[200];
    if (!has_text(rule, "id", 60))
        return wrong(r, "rules", "each rule needs an \"id\" of at most 60 letters");
    const char *id = json_string_value(json_object_get(rule, "id"));
    static const char *const needed[] = {"check", "clause", "source", "date", "severity"};
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (!has_text(rule, needed[i], 500)) {
            snprintf(why, sizeof(why), "the rule needs \"%s\"", needed[i]);
            return wrong(r, id, why);
        }
    if (qc_severity(json_string_value(json_object_get(rule, "severity"))) < 0)
        return wrong(r, id, "\"severity\" is fix, issue or information");
    const char *name = json_string_value(json_object_get(rule, "check")), *names[64];
    for (size_t i = 0; i < check_count; i++) {
        names[i] = checks[i].name;
        if (strcmp(checks[i].name, name) == 0)
            return check_numbers(r, rule, &checks[i]);
    }
    const char *near = text_nearest(name, names, check_count);
    snprintf(why, sizeof(why), "there is no check \"%.60s\"%s%s", name,
             near ? "; did you mean " : "", near ? near : "");
    return wrong(r, id, why);
}

// What a person who looks may find: for the list on the page.
static bool check_codes(const struct reading *r, const json_t *codes)
{
    if (codes && (!json_is_array(codes) || json_array_size(codes) > 500))
        return wrong(r, "codes", "\"codes\" is a list of at most 500");
    for (size_t i = 0; i < json_array_size(codes); i++) {
        const json_t *one = json_array_get(codes, i);
        const char *severity = json_string_value(json_object_get(one, "severity"));
        const char *code = json_string_value(json_object_get(one, "code"));
        if (!has_text(one, "code", 40) || !has_text(one, "title", 200) || !severity ||
            qc_severity(severity) < 0 || json_object_size(one) != 3)
            return wrong(r, code ? code : "codes",
                         "a code has \"code\", \"title\" and \"severity\"");
        for (size_t k = 0; k < i; k++)
            if (strcmp(code, json_string_value(json_object_get(json_array_get(codes, k),
                                                               "code"))) == 0)
                return wrong(r, code, "two codes are the same");
    }
    return true;
}

static bool check_rules(const struct reading *r, const json_t *set)
{
    const json_t *rules = json_object_get(set, "rules");
    if (!json_is_object(set) || !has_text(set, "name", 60) || !has_text(set, "title", 200) ||
        !has_text(set, "description", 1000) || !json_array_size(rules) ||
        json_array_size(rules) > 500)
        return wrong(r, "name", "it needs \"name\", \"title\", \"description\" and \"rules\"");
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        if (!json_is_object(rule))
            return wrong(r, "rules", "each rule is an object");
        if (!check_rule(r, rule))
            return false;
        const char *id = json_string_value(json_object_get(rule, "id"));
        for (size_t k = 0; k < i; k++)
            if (strcmp(id, json_string_value(json_object_get(json_array_get(rules, k), "id"))) == 0)
                return wrong(r, id, "two rules have this \"id\"");
    }
    return check_codes(r, json_object_get(set, "codes"));
}

bool qc_rules_read(const char *file, text content, json_t **rules, struct error *err)
{
    json_error_t where;
    json_t *set =
        json_loadb(content.at ? content.at : "", content.size, JSON_REJECT_DUPLICATES, &where);
    if (!set) {
        error_set(err, ERROR_INPUT, "the rules %s can not be read", file);
        error_why(err, "line %d: %s", where.line, where.text);
        return error_fix(err, "they are JSON: a comma or a quote may be missing near there");
    }
    if (check_rules(&(struct reading){file, content, err}, set)) {
        *rules = set;
        return true;
    }
    json_decref(set);
    return false;
}
