// The table of checks, and reading of rules.
#include "house/qc/inside.h"

#include <string.h>
#include <sys/types.h>

const struct check checks[] = {
    {"black", " most_ms ", " ", check_black},
    {"black-long", " most_ms ", " ", check_black_long},
    {"freeze", " least_ms change ", " ", check_freeze},
    {"repeated", " change ", " ", check_repeated},
    {"dropped", " ", " ", check_dropped},
    {"decode", " ", " ", check_decode},
    {"broken", " blocks_percent lines ", " ", check_broken},
    {"flash", " area_percent flashes ", " ", check_flash},
    {"red-flash", " area_percent flashes ", " ", check_red_flash},
    {"levels", " area_percent ", " ", check_levels},
    {"fields", " lean_percent ", " ", check_fields},
    {"field-order", " lean_percent ", " ", check_field_order},
    {"cadence", " ", " ", check_cadence},
    {"pixels", " ", " ", check_pixels},
    {"letterbox", " pixels least_ms ", " ", check_letterbox},
    {"silence", " level_db least_ms ", " ", check_silence},
    {"dead-channel", " level_db ", " ", check_dead_channel},
    {"dropout", " least_us ", " ", check_dropout},
    {"clipping", " runs ", " ", check_clipping},
    {"click", " ratio ", " ", check_click},
    {"phase", " correlation least_ms ", " ", check_phase},
    {"dual-mono", " ", " ", check_dual_mono},
    {"swapped", " ", " ", check_swapped},
    {"dc", " percent ", " ", check_dc},
    {"loudness", " target_lufs tolerance_lu ", " flag_lu ", check_loudness},
    {"dialogue-loudness", " target_lufs tolerance_lu least_speech_percent ",
     " flag_lu little little_target_lufs ", check_dialogue},
    {"loudness-range", " most_lu ", " ", check_range},
    {"short-term", " most_lufs ", " ", check_short_term},
    {"true-peak", " most_dbtp ", " flag_dbtp ", check_true_peak},
    {"length", " most_ms ", " ", check_length},
    {"sync", " early_ms late_ms ", " ", check_sync},
    {"container", " ", " ", check_container},
    {"timecode", " ", " ", check_timecode},
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

// Of what a check may have: numbers, and what is done when there is too little dialogue.
static bool word_fits(const char *name, const json_t *value)
{
    const char *said = json_string_value(value);
    if (strcmp(name, "little") == 0)
        return said && (!strcmp(said, "programme") || !strcmp(said, "say"));
    return json_is_number(value);
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
        if (strstr(c->may, word) && word_fits(name, value))
            continue;
        if (strstr(c->may, word)) {
            snprintf(why, sizeof(why), "\"%s\" can not be that", name);
            return wrong(r, id, why);
        }
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
            if (strcmp(code,
                       json_string_value(json_object_get(json_array_get(codes, k), "code"))) == 0)
                return wrong(r, code, "two codes are the same");
    }
    return true;
}

// Where an outlet's rules stand written, as in a profile.
static bool check_source(const struct reading *r, const json_t *source)
{
    static const char *const known[] = {"title",  "url",          "date",
                                        "clause", "confirmed_by", "confirmed"};
    const char *name;
    json_t *value;
    if (source && (!has_text(source, "title", 500) || !has_text(source, "date", 40)))
        return wrong(r, "source", "\"source\" has \"title\" and \"date\"");
    json_object_foreach((json_t *)(uintptr_t)source, name, value)
    {
        bool found = false;
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            found |= strcmp(known[i], name) == 0;
        if (!found || !has_text(source, name, 500))
            return wrong(r, name, "it is not a field of \"source\", or not a text");
    }
    return true;
}

static bool check_set_fields(const struct reading *r, const json_t *set)
{
    static const char *const known[] = {"name",     "title",      "description", "source",
                                        "base",     "rules",      "without",     "codes",
                                        "captions", "certificate"};
    const char *name, *near;
    char why[200];
    json_t *value;
    size_t count = sizeof(known) / sizeof(known[0]);
    json_object_foreach((json_t *)(uintptr_t)set, name, value)
    {
        bool found = false;
        for (size_t i = 0; i < count; i++)
            found |= strcmp(known[i], name) == 0;
        if (found)
            continue;
        near = text_nearest(name, known, count);
        snprintf(why, sizeof(why), "\"%.60s\" is not a field of a set%s%s", name,
                 near ? "; did you mean " : "", near ? near : "");
        return wrong(r, name, why);
    }
    if (json_object_get(set, "captions") && !has_text(set, "captions", 100))
        return wrong(r, "captions", "\"captions\" names rules of data/rules/captions");
    if (json_object_get(set, "base") && !has_text(set, "base", 100))
        return wrong(r, "base", "\"base\" names the set that this one begins from");
    const json_t *certificate = json_object_get(set, "certificate");
    if (certificate && !json_is_boolean(certificate))
        return wrong(r, "certificate", "\"certificate\" is true or false");
    if (json_object_get(set, "without") && !json_object_get(set, "base"))
        return wrong(r, "without", "only a set with a \"base\" can be without rules of it");
    return check_source(r, json_object_get(set, "source"));
}

static bool check_rules(const struct reading *r, const json_t *set)
{
    const json_t *rules = json_object_get(set, "rules");
    bool some = json_array_size(rules) || json_object_get(set, "base");
    if (!json_is_object(set) || !has_text(set, "name", 60) || !has_text(set, "title", 200) ||
        !has_text(set, "description", 1000) || !some || json_array_size(rules) > 500)
        return wrong(r, "name", "it needs \"name\", \"title\", \"description\" and \"rules\"");
    if (!check_set_fields(r, set))
        return false;
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

// ---- a set that begins from another

static ssize_t rule_at(const json_t *rules, const char *id)
{
    size_t i;
    const json_t *rule;
    json_array_foreach(rules, i, rule)
    {
        const char *own = json_string_value(json_object_get(rule, "id"));
        if (own && id && strcmp(own, id) == 0)
            return (ssize_t)i;
    }
    return -1;
}

bool qc_rules_on(const json_t *base, json_t **set, struct error *err)
{
    json_t *whole = json_copy(*set), *rules = json_copy(json_object_get(base, "rules"));
    json_t *codes = json_object_get(base, "codes"), *one;
    const char *name = json_string_value(json_object_get(*set, "name")), *missing = NULL;
    size_t i;
    json_array_foreach(json_object_get(*set, "without"), i, one)
    {
        ssize_t at = rule_at(rules, json_string_value(one));
        if (at < 0 || json_array_remove(rules, (size_t)at) != 0)
            missing = json_string_value(one) ? json_string_value(one) : "?";
    }
    json_array_foreach(json_object_get(*set, "rules"), i, one)
    {
        ssize_t at = rule_at(rules, json_string_value(json_object_get(one, "id")));
        if (at < 0)
            json_array_append(rules, one);
        else
            json_array_set(rules, (size_t)at, one);
    }
    json_object_set_new(whole, "rules", rules);
    if (codes && !json_object_get(whole, "codes"))
        json_object_set(whole, "codes", codes);
    json_object_del(whole, "base");
    json_object_del(whole, "without");
    bool ok = !missing && !json_object_get(base, "base");
    if (!ok) {
        error_set(err, ERROR_INPUT, "the rules %s can not be used", name);
        if (missing)
            error_why(err, "they are without the rule %.60s, which their base has not", missing);
        else
            error_why(err, "their base has a base itself");
        error_fix(err, "docs/formats/rules.md says what a set has");
        json_decref(whole);
        return false;
    }
    json_decref(*set), *set = NULL;
    *set = whole;
    return true;
}

// ---- a profile's loudness as rules

static json_t *asked_rule(const json_t *profile, const char *id, const char *check)
{
    const json_t *source = json_object_get(profile, "source");
    const char *title = json_string_value(json_object_get(profile, "title"));
    const char *clause = json_string_value(json_object_get(source, "clause"));
    const char *from = json_string_value(json_object_get(source, "url"));
    const char *written = json_string_value(json_object_get(source, "title"));
    const char *date = json_string_value(json_object_get(source, "date"));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "id", id, "check", check, "severity", "fix",
                     "clause", clause ? clause : title, "source",
                     from      ? from
                     : written ? written
                               : title,
                     "date", date ? date : "");
}

// A field of the profile under the name that a rule has for it.
static void take(json_t *rule, const char *as, const json_t *asked, const char *name)
{
    json_t *value = json_object_get(asked, name);
    if (value)
        json_object_set(rule, as, value);
}

static json_t *loudness_asked(const json_t *profile, const json_t *asked)
{
    const char *method = json_string_value(json_object_get(asked, "method"));
    bool dialogue = method && strcmp(method, "bs1770-1-dialogue") == 0;
    json_t *rule = asked_rule(profile, "loudness", dialogue ? "dialogue-loudness" : "loudness");
    json_object_set_new(rule, "tolerance_lu", json_real(0.5));
    take(rule, "target_lufs", asked, "target");
    take(rule, "tolerance_lu", asked, "within");
    take(rule, "flag_lu", asked, "flag");
    if (dialogue) {
        json_object_set_new(rule, "least_speech_percent", json_integer(QC_SPEECH_PERCENT));
        take(rule, "least_speech_percent", asked, "speech");
        take(rule, "little", asked, "little");
        take(rule, "little_target_lufs", asked, "little_target");
    }
    return rule;
}

static bool of_loudness(const json_t *rule)
{
    static const char *const mine[] = {"loudness", "dialogue-loudness", "true-peak"};
    const char *check = json_string_value(json_object_get(rule, "check"));
    for (size_t i = 0; check && i < sizeof(mine) / sizeof(mine[0]); i++)
        if (strcmp(mine[i], check) == 0)
            return true;
    return false;
}

// A set that has the same check says more exactly where that stands.
static json_t *with_clause(json_t *rule, const json_t *rules)
{
    static const char *const kept[] = {"clause", "source", "date"};
    const char *check = json_string_value(json_object_get(rule, "check")), *theirs;
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(rules, "rules"), i, one)
    {
        theirs = json_string_value(json_object_get(one, "check"));
        for (size_t k = 0; theirs && strcmp(theirs, check) == 0 && k < 3; k++)
            json_object_set(rule, kept[k], json_object_get(one, kept[k]));
    }
    return rule;
}

json_t *qc_rules_for(const json_t *rules, const json_t *profile)
{
    const json_t *asked = json_object_get(profile, "loudness"), *rule;
    json_t *whole = json_copy((json_t *)(uintptr_t)rules), *list = json_array();
    size_t i;
    if (asked) {
        json_array_foreach(json_object_get(rules, "rules"), i, rule)
        {
            if (!of_loudness(rule))
                json_array_append(list, (json_t *)(uintptr_t)rule);
        }
        if (json_object_get(asked, "target"))
            json_array_append_new(list, with_clause(loudness_asked(profile, asked), rules));
        if (json_object_get(asked, "true_peak")) {
            json_t *peak = asked_rule(profile, "true-peak", "true-peak");
            take(peak, "most_dbtp", asked, "true_peak");
            take(peak, "flag_dbtp", asked, "true_peak_flag");
            json_array_append_new(list, with_clause(peak, rules));
        }
        json_object_set(whole, "rules", list);
    }
    json_decref(list);
    return whole;
}
