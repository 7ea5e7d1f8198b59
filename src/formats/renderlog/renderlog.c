/*
 * A task has so many frames, and a renderer tells how far one of them is. Frames are counted when
 * they are told to be finished, and also when the next one begins, or another number is named: some
 * renderers never say that a frame is done. A count that comes both ways is counted once.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "formats/renderlog/renderlog.h"

#include <jansson.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MATCH_LIMIT = 100000, DEPTH_LIMIT = 2000, HEAP_LIMIT_KB = 4096, EXTENSIONS_MOST = 16 };

enum meaning { PROGRESS, JOB_PROGRESS, FRAME, FRAME_DONE, DONE_FILE, END, ERROR_LINE, WARNING };
static const char *const meanings[] = {"progress", "job_progress", "frame", "frame_done",
                                       "file",     "end",          "error", "warning"};
#define MEANINGS (sizeof(meanings) / sizeof(meanings[0]))

static const struct render_class_facts classes[RENDER_CLASS_COUNT] = {
    [RENDER_FAILED] = {"failed", "the renderer failed", "read the end of its log", true, true},
    [RENDER_LICENCE] = {"licence", "no licence was to be had",
                        "it is tried again when one is free; check the licence server if it lasts",
                        false, false},
    [RENDER_MEMORY] = {"memory", "the renderer ran out of memory",
                       "ask for more (amount.worker.memory), or make the scene lighter", true,
                       true},
    [RENDER_MISSING] = {"missing", "a file that the scene needs is missing",
                        "check its path, and that the worker sees that disk", true, true},
    [RENDER_DEVICE] = {"device", "the graphics device failed",
                       "check the driver of that host, or render on the CPU", true, false},
    [RENDER_DISK] = {"disk", "the renderer could not write",
                     "check the room and the rights where it writes", true, false},
    [RENDER_SCENE] = {"scene", "the renderer can not render this scene",
                      "open the scene in its application", false, true},
    [RENDER_CRASH] = {"crash", "the renderer crashed", "read the end of its log", true, true},
    [RENDER_UNPROVED] = {"unproved", "the renderer ended well, but did not make all of it",
                         "read its log: it does not say that every frame was finished", true, true},
};

const struct render_class_facts *render_class_facts(enum render_class c)
{
    return &classes[c];
}

struct rule {
    pcre2_code *code;
    enum meaning meaning;
    enum render_class class;
    bool stop;
    char *says;
    int percent, done, total, frame, file; // numbers of groups; 0: none
};

struct renderer {
    json_t *facts; // holds the texts
    struct rule rules[RENDERLOG_RULES_MOST];
    size_t rule_count;
    bool has_proof;
    enum meaning proof;
};

// ---- where a mistake is

// A walk over JSON that was parsed already: the line on which the value at `path` begins. Parts of
// the path are names; "#3" is the fourth item. 0 when it is not found.
struct walk {
    const char *at, *end;
    int64_t line;
};

static void skip_space(struct walk *w)
{
    for (; w->at < w->end && strchr(" \t\r\n", *w->at); w->at++)
        w->line += *w->at == '\n';
}

static text walk_string(struct walk *w)
{
    const char *from = ++w->at;
    while (w->at < w->end && *w->at != '"')
        w->at += *w->at == '\\' ? 2 : 1;
    text t = {from, (size_t)(w->at - from)};
    w->at++;
    return t;
}

static void skip_value(struct walk *w)
{
    int depth = 0;
    do {
        skip_space(w);
        if (w->at >= w->end)
            return;
        char c = *w->at;
        if (c == '"') {
            walk_string(w);
        } else {
            depth += (c == '{' || c == '[') - (c == '}' || c == ']');
            w->at++;
            if (!strchr("{}[],:", c))
                while (w->at < w->end && !strchr("{}[],: \t\r\n\"", *w->at))
                    w->at++;
        }
    } while (depth > 0);
}

static int64_t line_of(text content, const char *const *path)
{
    struct walk w = {content.at, content.at + content.size, 1};
    for (skip_space(&w); *path && w.at < w.end; path++) {
        bool found = false;
        long wanted = (*path)[0] == '#' ? strtol(*path + 1, NULL, 10) : -1, index = 0;
        w.at++; // the bracket
        for (skip_space(&w); w.at < w.end && *w.at != '}' && *w.at != ']' && !found; index++) {
            if (wanted < 0) {
                text name = walk_string(&w);
                found = text_is(name, *path);
                skip_space(&w);
                w.at++; // the colon
                skip_space(&w);
            } else {
                found = index == wanted;
            }
            if (found)
                break;
            skip_value(&w);
            skip_space(&w);
            w.at += w.at < w.end && *w.at == ',';
            skip_space(&w);
        }
        if (!found)
            return 0;
    }
    return w.line;
}

// ---- reading

struct reading {
    const char *file;
    text content;
    struct renderer *r;
    struct error *err;
};

// The value at list[index].name, or at name when list is NULL.
static bool wrong(struct reading *g, const char *list, size_t index, const char *name,
                  const char *why)
{
    char number[24];
    snprintf(number, sizeof(number), "#%zu", index);
    const char *whole[] = {list, number, name, NULL}, *above[] = {list, number, NULL};
    const char *top[] = {name, NULL}, *root[] = {NULL};
    int64_t line = line_of(g->content, list ? whole : top);
    if (!line)
        line = line_of(g->content, list ? above : root);
    error_set(g->err, ERROR_INPUT, "the renderer %s can not be used", g->file);
    if (list)
        error_why(g->err, "line %lld: \"%s[%zu].%s\" %s", (long long)line, list, index, name, why);
    else
        error_why(g->err, "line %lld: \"%s\" %s", (long long)line, name, why);
    return error_fix(g->err, "the fields are in src/formats/renderlog/renderlog.h");
}

static bool only_known(struct reading *g, const json_t *object, const char *list, size_t index,
                       const char *const *known, size_t count)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        bool found = false;
        for (size_t i = 0; i < count && !found; i++)
            found = strcmp(known[i], name) == 0;
        if (found)
            continue;
        const char *near = text_nearest(name, known, count);
        char why[128];
        snprintf(why, sizeof(why), "is not a field%s%s", near ? "; did you mean " : "",
                 near ? near : "");
        return wrong(g, list, index, name, why);
    }
    return true;
}

static bool need_text(struct reading *g, const char *name, size_t most)
{
    const json_t *value = json_object_get(g->r->facts, name);
    size_t size = json_string_length(value);
    return (size > 0 && size <= most) ||
           wrong(g, NULL, 0, name, value ? "must be a text" : "is missing");
}

static bool check_extensions(struct reading *g, const char *name)
{
    const json_t *list = json_object_get(g->r->facts, name), *one;
    size_t i;
    if (!json_is_array(list) || json_array_size(list) > EXTENSIONS_MOST)
        return (!list && strcmp(name, "also") == 0) ||
               wrong(g, NULL, 0, name, "must be a list of endings");
    json_array_foreach(list, i, one)
    {
        const char *words = json_string_value(one);
        if (!words || words[0] != '.' || strlen(words) < 2 || strlen(words) > 20)
            return wrong(g, NULL, 0, name, "has an item that is no ending such as \".blend\"");
    }
    return true;
}

static bool check_commands(struct reading *g)
{
    const json_t *list = json_object_get(g->r->facts, "commands"), *one;
    size_t i;
    if (!json_is_array(list) || !json_array_size(list) || json_array_size(list) > EXTENSIONS_MOST)
        return wrong(g, NULL, 0, "commands", "must be a list of names of programs");
    json_array_foreach(list, i, one)
    {
        if (!json_string_length(one) || strchr(json_string_value(one), '/'))
            return wrong(g, NULL, 0, "commands", "has an item that is no name of a program");
    }
    return true;
}

static bool check_facts(struct reading *g)
{
    static const char *const known[] = {"name",     "title",    "extensions", "also",
                                        "template", "verified", "needs",      "silence_s",
                                        "proof",    "lines", "commands"};
    const json_t *f = g->r->facts, *value;
    if (!json_is_object(f))
        return wrong(g, NULL, 0, "", "is not a JSON object");
    if (!only_known(g, f, NULL, 0, known, sizeof(known) / sizeof(known[0])) ||
        !need_text(g, "name", 40) || !need_text(g, "title", 100) ||
        !need_text(g, "template", 100) || !need_text(g, "verified", 100) ||
        !check_extensions(g, "extensions") || !check_extensions(g, "also") || !check_commands(g))
        return false;
    if (strchr(json_string_value(json_object_get(f, "template")), '/'))
        return wrong(g, NULL, 0, "template", "must be the name of a file beside it");
    const char *verified = json_string_value(json_object_get(f, "verified"));
    if (strcmp(verified, "run in tests") != 0 &&
        strcmp(verified, "not run against the product") != 0)
        return wrong(g, NULL, 0, "verified",
                     "must be \"run in tests\" or \"not run against the product\"");
    value = json_object_get(f, "needs");
    if (value && (!json_is_string(value) || strcmp(json_string_value(value), "windows") != 0))
        return wrong(g, NULL, 0, "needs", "must be \"windows\", or absent");
    value = json_object_get(f, "silence_s");
    if (!json_is_integer(value) || json_integer_value(value) < 10 ||
        json_integer_value(value) > 1000000)
        return wrong(g, NULL, 0, "silence_s", "must be a whole number of seconds from 10 on");
    value = json_object_get(f, "proof");
    for (size_t i = 0; value && i < MEANINGS; i++)
        if (json_is_string(value) && strcmp(json_string_value(value), meanings[i]) == 0 &&
            (i == FRAME_DONE || i == DONE_FILE || i == END)) {
            g->r->has_proof = true;
            g->r->proof = (enum meaning)i;
        }
    return !value || g->r->has_proof ||
           wrong(g, NULL, 0, "proof", "must be \"frame_done\", \"file\" or \"end\", or absent");
}

static int group(const pcre2_code *code, const char *name)
{
    int n = pcre2_substring_number_from_name(code, (PCRE2_SPTR)name);
    return n > 0 ? n : 0;
}

static bool compile(struct reading *g, size_t index, struct rule *rule, const char *pattern)
{
    int code;
    PCRE2_SIZE at;
    char why[300], message[200];
    rule->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_NEVER_BACKSLASH_C,
                               &code, &at, NULL);
    if (!rule->code) {
        pcre2_get_error_message(code, (PCRE2_UCHAR *)message, sizeof(message));
        snprintf(why, sizeof(why), "is no regular expression: %s, at its character %zu", message,
                 (size_t)at + 1);
        return wrong(g, "lines", index, "match", why);
    }
    rule->percent = group(rule->code, "percent");
    rule->done = group(rule->code, "done");
    rule->total = group(rule->code, "total");
    rule->frame = group(rule->code, "frame");
    rule->file = group(rule->code, "file");
    bool counts = rule->done && (rule->total || rule->meaning == JOB_PROGRESS);
    if ((rule->meaning == PROGRESS || rule->meaning == JOB_PROGRESS) && !rule->percent && !counts)
        return wrong(g, "lines", index, "match",
                     "needs a group (?<percent>...), or (?<done>...) and (?<total>...)");
    return rule->meaning != DONE_FILE || rule->file ||
           wrong(g, "lines", index, "match", "needs a group (?<file>...)");
}

static bool read_rule(struct reading *g, size_t index, const json_t *from)
{
    static const char *const known[] = {"match", "means", "class", "says", "stop"};
    struct rule *rule = &g->r->rules[index];
    const char *match = json_string_value(json_object_get(from, "match"));
    const char *means = json_string_value(json_object_get(from, "means"));
    const char *class = json_string_value(json_object_get(from, "class"));
    const json_t *says = json_object_get(from, "says"), *stop = json_object_get(from, "stop");
    size_t i = 0;
    if (!json_is_object(from))
        return wrong(g, "lines", index, "match", "is missing: a rule is an object");
    if (!only_known(g, from, "lines", index, known, sizeof(known) / sizeof(known[0])))
        return false;
    if (!match || strlen(match) > 1000)
        return wrong(g, "lines", index, "match", "must be a regular expression");
    while (i < MEANINGS && (!means || strcmp(meanings[i], means) != 0))
        i++;
    if (i == MEANINGS)
        return wrong(
            g, "lines", index, "means",
            "must be progress, job_progress, frame, frame_done, file, end, error or warning");
    rule->meaning = (enum meaning)i;
    bool error = rule->meaning == ERROR_LINE;
    for (i = 0; error && i < RENDER_UNPROVED && (!class || strcmp(classes[i].name, class) != 0);
         i++)
        ;
    if (error ? i == RENDER_UNPROVED : class != NULL)
        return wrong(g, "lines", index, "class",
                     error
                         ? "must be licence, memory, missing, device, disk, scene, crash or failed"
                         : "belongs to errors only");
    rule->class = error ? (enum render_class)i : RENDER_FAILED;
    if (says && (!error || !json_string_length(says) || json_string_length(says) > 200))
        return wrong(g, "lines", index, "says", "must be a short text, and of an error");
    if (stop && (!error || !json_is_boolean(stop)))
        return wrong(g, "lines", index, "stop", "must be true or false, and of an error");
    rule->stop = json_is_true(stop);
    rule->says = says ? strdup(json_string_value(says)) : NULL;
    g->r->rule_count = index + 1;
    return compile(g, index, rule, match);
}

static bool read_rules(struct reading *g)
{
    const json_t *list = json_object_get(g->r->facts, "lines"), *one;
    size_t i;
    if (!json_is_array(list) || json_array_size(list) > RENDERLOG_RULES_MOST)
        return wrong(g, NULL, 0, "lines", "must be a list of at most 100 rules");
    json_array_foreach(list, i, one)
    {
        if (!read_rule(g, i, one))
            return false;
    }
    for (i = 0; g->r->has_proof && i < g->r->rule_count; i++)
        if (g->r->rules[i].meaning == g->r->proof)
            return true;
    return !g->r->has_proof || wrong(g, NULL, 0, "proof", "is what no rule means");
}

bool renderer_parse(const char *file_name, text content, struct renderer **r, struct error *err)
{
    json_error_t where;
    *r = calloc(1, sizeof(**r));
    if (!*r)
        abort();
    struct reading g = {file_name, content, *r, err};
    (*r)->facts =
        json_loadb(content.at ? content.at : "", content.size, JSON_REJECT_DUPLICATES, &where);
    if (!(*r)->facts) {
        error_set(err, ERROR_INPUT, "the renderer %s can not be read", file_name);
        error_why(err, "line %d: %s", where.line, where.text);
        error_fix(err, "it is JSON: a comma or a quote may be missing near there");
    } else if (check_facts(&g) && read_rules(&g)) {
        return true;
    }
    renderer_close(*r);
    *r = NULL;
    return false;
}

void renderer_close(struct renderer *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->rule_count; i++) {
        pcre2_code_free(r->rules[i].code);
        free(r->rules[i].says);
    }
    json_decref(r->facts);
    free(r);
}

static const char *fact(const struct renderer *r, const char *name)
{
    const char *value = json_string_value(json_object_get(r->facts, name));
    return value ? value : "";
}

const char *renderer_name(const struct renderer *r)
{
    return fact(r, "name");
}

const char *renderer_template(const struct renderer *r)
{
    return fact(r, "template");
}

const char *renderer_verified(const struct renderer *r)
{
    return fact(r, "verified");
}

bool renderer_needs_windows(const struct renderer *r)
{
    return fact(r, "needs")[0] != 0;
}

int renderer_silence_s(const struct renderer *r)
{
    return (int)json_integer_value(json_object_get(r->facts, "silence_s"));
}

static bool has_ending(const json_t *list, const char *scene)
{
    size_t i, size = strlen(scene);
    const json_t *one;
    json_array_foreach(list, i, one)
    {
        size_t end = json_string_length(one);
        if (size > end && strcasecmp(scene + size - end, json_string_value(one)) == 0)
            return true;
    }
    return false;
}

int renderer_fits(const struct renderer *r, const char *scene)
{
    return has_ending(json_object_get(r->facts, "extensions"), scene) ? 2
           : has_ending(json_object_get(r->facts, "also"), scene)     ? 1
                                                                      : 0;
}

bool renderer_runs(const struct renderer *r, const char *command)
{
    const char *slash = strrchr(command, '/');
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(r->facts, "commands"), i, one)
    {
        if (strcmp(json_string_value(one), slash ? slash + 1 : command) == 0)
            return true;
    }
    return false;
}

// ---- a run

struct renderlog {
    const struct renderer *r;
    pcre2_match_context *limits;
    pcre2_match_data *found;
    int64_t frames, frames_done, files_done;
    bool at_frame; // one has begun and is not finished
    bool has_number;
    int64_t number; // of the frame that was named last
    double fraction, whole, shown;
    bool ended_well;
    const struct rule *error; // the weightiest so far
    char error_line[512];
};

struct renderlog *renderlog_open(const struct renderer *r, int64_t frames)
{
    struct renderlog *l = calloc(1, sizeof(*l));
    if (!l)
        abort();
    l->r = r;
    l->frames = frames > 0 ? frames : 1;
    l->limits = pcre2_match_context_create(NULL);
    l->found = pcre2_match_data_create(16, NULL);
    if (!l->limits || !l->found)
        abort();
    pcre2_set_match_limit(l->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(l->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(l->limits, HEAP_LIMIT_KB);
    return l;
}

void renderlog_close(struct renderlog *l)
{
    if (!l)
        return;
    pcre2_match_data_free(l->found);
    pcre2_match_context_free(l->limits);
    free(l);
}

static text taken(const struct renderlog *l, text line, int number)
{
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(l->found);
    if (!number || (uint32_t)number >= pcre2_get_ovector_count(l->found) ||
        at[2 * number] == PCRE2_UNSET)
        return (text){"", 0};
    return (text){line.at + at[2 * number], at[2 * number + 1] - at[2 * number]};
}

static bool taken_number(const struct renderlog *l, text line, int number, double *value)
{
    char some[40], *end;
    text t = taken(l, line, number);
    if (!t.size || !text_copy(t, some, sizeof(some)))
        return false;
    *value = strtod(some, &end);
    return end != some && *value >= -1e12 && *value <= 1e12;
}

static void finish_frame(struct renderlog *l)
{
    if (l->frames_done < l->frames)
        l->frames_done++;
    l->at_frame = false;
    l->fraction = 0;
}

// A line that names a frame: another than before means that the one before is finished.
static void name_frame(struct renderlog *l, text line, const struct rule *rule)
{
    double value;
    bool named = taken_number(l, line, rule->frame, &value);
    if (rule->meaning == FRAME_DONE) {
        finish_frame(l);
    } else if (named ? l->at_frame && l->has_number && l->number != (int64_t)value
                     : rule->meaning == FRAME && l->at_frame) {
        finish_frame(l);
        l->at_frame = true;
    } else if (named || rule->meaning == FRAME) {
        // the same number again after it was finished is talk about it, not a new frame
        l->at_frame |= !named || !l->has_number || l->number != (int64_t)value;
    }
    if (named) {
        l->number = (int64_t)value;
        l->has_number = true;
    }
}

static void measure(struct renderlog *l, text line, const struct rule *rule)
{
    double percent = 0, done, total = (double)l->frames;
    if (!taken_number(l, line, rule->percent, &percent)) {
        if (!taken_number(l, line, rule->done, &done) ||
            (rule->total && !taken_number(l, line, rule->total, &total)) || total <= 0)
            return;
        percent = done * 100 / total;
    }
    percent = percent < 0 ? 0 : percent > 100 ? 100 : percent;
    if (rule->meaning == JOB_PROGRESS)
        l->whole = percent;
    else
        l->fraction = percent;
}

// A licence that was denied explains what follows it; a plain "failed" explains least.
static void note_error(struct renderlog *l, text line, const struct rule *rule)
{
    if (l->error && (l->error->class != RENDER_FAILED || rule->class == RENDER_FAILED))
        return;
    l->error = rule;
    text_copy(line, l->error_line, sizeof(l->error_line));
}

static const struct rule *rule_of(struct renderlog *l, text line)
{
    for (size_t i = 0; i < l->r->rule_count; i++) {
        const struct rule *rule = &l->r->rules[i];
        if (pcre2_match(rule->code, (PCRE2_SPTR)line.at, line.size, 0, 0, l->found, l->limits) >= 0)
            return rule;
    }
    return NULL;
}

void renderlog_line(struct renderlog *l, text line, struct renderlog_heard *heard)
{
    *heard = (struct renderlog_heard){.file = {"", 0}};
    if (line.size > RENDERLOG_LINE_LOOKED)
        line.size = RENDERLOG_LINE_LOOKED;
    const struct rule *rule = line.size ? rule_of(l, line) : NULL;
    if (!rule)
        return;
    heard->progress = rule->meaning <= DONE_FILE;
    heard->error = rule->meaning == ERROR_LINE;
    heard->warning = rule->meaning == WARNING;
    heard->stop = rule->stop;
    switch (rule->meaning) {
    case PROGRESS:
    case JOB_PROGRESS:
        name_frame(l, line, rule);
        measure(l, line, rule);
        break;
    case FRAME:
    case FRAME_DONE:
        name_frame(l, line, rule);
        break;
    case DONE_FILE:
        heard->file = taken(l, line, rule->file);
        l->files_done++;
        break;
    case END:
        l->ended_well = true;
        break;
    case ERROR_LINE:
        note_error(l, line, rule);
        break;
    case WARNING:
        break;
    }
    double now = (100.0 * (double)l->frames_done + l->fraction) / (double)l->frames;
    now = l->whole > now ? l->whole : now;
    l->shown = now > 100 ? 100 : now > l->shown ? now : l->shown;
}

double renderlog_progress(const struct renderlog *l)
{
    return l->shown;
}

int64_t renderlog_frames_done(const struct renderlog *l)
{
    return l->frames_done;
}

static bool proved(const struct renderlog *l)
{
    return !l->r->has_proof           ? true
           : l->r->proof == END       ? l->ended_well
           : l->r->proof == DONE_FILE ? l->files_done >= l->frames
                                      : l->frames_done >= l->frames;
}

bool renderlog_verdict(const struct renderlog *l, bool exit_good, bool signalled,
                       struct render_verdict *v)
{
    *v = (struct render_verdict){.class = RENDER_FAILED, .says = ""};
    if (l->error) {
        v->class = l->error->class;
        v->says = l->error->says ? l->error->says : classes[v->class].what;
        memcpy(v->line, l->error_line, sizeof(v->line));
        return false;
    }
    if (exit_good && proved(l))
        return true;
    v->class = exit_good ? RENDER_UNPROVED : signalled ? RENDER_CRASH : RENDER_FAILED;
    v->says = classes[v->class].what;
    return false;
}
