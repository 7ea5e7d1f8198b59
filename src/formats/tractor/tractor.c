/*
 * Three passes: the script is read into a tree of tasks (Iterate is unrolled); `place` walks the
 * tree with the steps that must be done before, makes steps, and hands back the steps whose end is
 * the task's end; the options of the job are carried at last.
 *
 * What a script may cost is bounded by `work_left`: bytes read and copied in all.
 */
#include "formats/tractor/tractor.h"

#include <stdlib.h>
#include <string.h>

enum {
    WORK_MOST = 64 << 20,
    DEPTH_MOST = 60,
    TASKS_MOST = 100000,
    WORDS_MOST = 4000, // of a command
    WORD_MOST = 65536, // bytes
    VARIABLES_MOST = 200,
    FOLD_MOST = 1024,     // items of a list range (OpenJD 2023-09 3.4.1.2)
    PARAMETERS_MOST = 16, // of a step's space
    VALUE_MOST = 1024,    // characters of a task parameter's value
    SET_MOST = 60,        // steps that one depends on; more are gathered by a step that waits
};

struct words {
    text *at;
    bool *bare; // not in braces or quotes: may be the name of an option
    size_t count;
};

struct command {
    struct command *next;
    struct words words;
    bool local;
};

struct common { // what a job hands down to its tasks and they to their commands
    text service, tags, atleast, atmost, maxrun, envkey;
};

struct set { // of steps, by number, ascending
    int at[SET_MOST + 4];
    int count;
};

struct task {
    struct task *next, *children, **last_child;
    text title, id, instance; // instance: this stands for the task of that title
    struct command *commands, **last_command;
    struct common common;
    bool serial, placed;
    bool steps; // it, or what is below it, has become a step
    struct set done;
};

struct variable {
    text name, value;
};

struct reader {
    struct arena *a;
    struct import *im;
    struct error *err;
    int64_t work_left;
    int depth, tasks, steps;
    struct variable variables[VARIABLES_MOST];
    int variable_count;
    struct task *root;
    struct task **all; // for Instance
    bool told_local, told_map;
    struct command *cleanup;
};

// ---- Tcl

static bool spend(struct reader *r, size_t bytes)
{
    r->work_left -= (int64_t)bytes + 32;
    if (r->work_left >= 0)
        return true;
    error_set(r->err, ERROR_TOO_BIG, "the job script is too big");
    error_why(r->err, "reading it takes more than %s of memory", size_text(WORK_MOST).text);
    return error_fix(r->err, "split it into several jobs");
}

static bool wrong(struct reader *r, const char *what)
{
    error_set(r->err, ERROR_INPUT, "the job script can not be read");
    error_why(r->err, "%s", what);
    return error_fix(r->err, "check its braces; scripts that Tcl has to run are not understood");
}

static bool alike(text a, text b)
{
    return a.size == b.size && (!a.size || memcmp(a.at, b.at, a.size) == 0);
}

static bool name_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static const struct variable *variable(const struct reader *r, text name)
{
    for (int i = r->variable_count; i-- > 0;) // the innermost first
        if (alike(r->variables[i].name, name))
            return &r->variables[i];
    return NULL;
}

// $name and ${name} of known variables; others stay as they are (a shell may know them).
static bool substitute(struct reader *r, text t, text *out)
{
    if (!t.size || !memchr(t.at, '$', t.size)) {
        *out = t;
        return true;
    }
    struct buf b = BUF_LIMIT(1 << 20);
    for (size_t i = 0; i < t.size;) {
        size_t brace = i + 1 < t.size && t.at[i + 1] == '{', end = i + 1 + brace;
        while (t.at[i] == '$' && end < t.size && name_letter(t.at[end]))
            end++;
        text name = {t.at + i + 1 + brace, end - i - 1 - brace};
        bool whole = t.at[i] == '$' && name.size && (!brace || (end < t.size && t.at[end] == '}'));
        const struct variable *v = whole ? variable(r, name) : NULL;
        if (v) {
            buf_add(&b, v->value.at, v->value.size);
            i = end + brace;
        } else {
            buf_add(&b, t.at + i++, 1);
        }
    }
    bool ok = spend(r, b.size);
    if (ok && b.over)
        ok = error_set(r->err, ERROR_TOO_BIG, "a word of the job script is too long");
    if (ok)
        *out = (text){arena_copy(r->a, b.at ? b.at : "", b.size), b.size};
    buf_free(&b);
    return ok;
}

static char escaped(char c)
{
    return c == 'n' ? '\n' : c == 't' ? '\t' : c;
}

static bool braced(struct reader *r, text *rest, text *word)
{
    size_t depth = 0, i = 0;
    for (; i < rest->size; i++) {
        char c = rest->at[i];
        if (c == '\\' && i + 1 < rest->size)
            i++;
        else if (c == '{')
            depth++;
        else if (c == '}' && --depth == 0)
            break;
    }
    if (i == rest->size)
        return wrong(r, "a brace is not closed");
    *word = (text){rest->at + 1, i - 1};
    *rest = (text){rest->at + i + 1, rest->size - i - 1};
    return true;
}

// A word in quotes, or bare up to white space (and the end of the command).
static bool plain(struct reader *r, text *rest, bool list, text *word)
{
    bool quoted = rest->at[0] == '"';
    char to[WORD_MOST];
    size_t n = 0, i = quoted;
    for (; i < rest->size; i++) {
        char c = rest->at[i];
        if (n == WORD_MOST)
            return error_set(r->err, ERROR_TOO_BIG, "a word of the job script is too long");
        if (c == '\\' && i + 1 < rest->size) {
            if (rest->at[i + 1] == '\n' && !quoted)
                break;
            to[n++] = escaped(rest->at[++i]);
            continue;
        }
        if (quoted ? c == '"' : strchr(" \t\r\n", c) || (!list && c == ';'))
            break;
        to[n++] = c;
    }
    if (quoted && i == rest->size)
        return wrong(r, "a quote is not closed");
    if (!spend(r, n))
        return false;
    *word = (text){arena_copy(r->a, to, n), n};
    i += quoted;
    *rest = (text){rest->at + i, rest->size - i};
    return true;
}

// The next command's words: up to the end of its line. `list`: all of a list's words, line ends are
// blanks. False with *err clear at the end.
static bool next_words(struct reader *r, text *rest, bool list, struct words *w)
{
    text *at = NULL;
    bool *bare = NULL;
    size_t room = 0;
    *w = (struct words){0};
    while (rest->size) {
        char c = rest->at[0];
        bool joined = c == '\\' && rest->size > 1 && (rest->at[1] == '\n' || rest->at[1] == '\r');
        if (joined || strchr(" \t\r", c) || ((c == '\n' || c == ';') && (list || !w->count))) {
            size_t skip = 1 + joined;
            *rest = (text){rest->at + skip, rest->size - skip};
            continue;
        }
        if (c == '\n' || c == ';')
            break;
        if (c == '#' && !w->count && !list) {
            text_cut(rest, '\n');
            continue;
        }
        if (c == '}' && !list)
            return wrong(r, "a brace is closed that is not open");
        if (w->count == WORDS_MOST)
            return error_set(r->err, ERROR_TOO_BIG,
                             "a command of the job script has too many words");
        if (w->count == room) {
            size_t more = room ? room * 2 : 8;
            if (!spend(r, more * (sizeof(text) + 1)))
                return false;
            text *at2 = ARENA_ARRAY(r->a, text, more);
            bool *bare2 = ARENA_ARRAY(r->a, bool, more);
            if (room) {
                memcpy(at2, at, room * sizeof(text));
                memcpy(bare2, bare, room * sizeof(bool));
            }
            at = at2, bare = bare2, room = more;
        }
        bare[w->count] = c != '{' && c != '"';
        if (!(c == '{' ? braced(r, rest, &at[w->count]) : plain(r, rest, list, &at[w->count])))
            return false;
        w->count++;
    }
    w->at = at;
    w->bare = bare;
    return spend(r, 0);
}

// ---- the tree

// Where the operators of a script go.
struct into {
    struct task *parent;    // of tasks; NULL: there can be none
    struct command ***last; // the end of a list of commands; NULL: there can be none
    struct common *common;  // of those commands
    bool again;             // there is a command already
};
static bool script(struct reader *r, text body, struct into *into);

static bool lost_option(struct reader *r, text name, text value)
{
    static const struct {
        const char *name, *why;
    } whys[] = {
        {"-chaser", "pictures are looked at in the house"},
        {"-preview", "pictures are looked at in the house"},
        {"-comment", NULL},
        {"-metadata", NULL},
        {"-after", "submit it suspended and resume it when it is time"},
        {"-afterjids",
         "it names jobs of Tractor; import those too and say after_jobs with their new ids"},
        {"-crews", "who may work on it is the project's to say"},
        {"-projects", "the project is where it is submitted"},
        {"-project", "the project is where it is submitted"},
        {"-tier", "say options.tier, 0 to 5"},
        {"-maxactive", "the number of tasks of one job is not limited; use a limit or a pool"},
        {"-retryrc", "see options.tries"},
        {"-samehost", NULL},
        {"-etalevel", NULL},
        {"-editpolicy", NULL},
        {"-spoolcwd", NULL},
        {"-dirmaps",
         "say path_mapping with the submission; only parameters of the type PATH are mapped"},
        {"-expand", "a task can not add tasks while it runs"},
        {"-postscript", "what runs at the end, however it ends, can not be said"},
        {"-whenerror", "what runs when a job fails can not be said"},
        {"-whenalways", "what runs at the end, however it ends, can not be said"},
        {"-resumewhile", NULL},
        {"-resumepin", NULL},
        {"-resumeblock", NULL},
        {"-minrunsecs", "check the outputs instead (options.outputs)"},
        {"-refersto", NULL},
        {"-when", "what runs only when another fails can not be said"},
    };
    if (!value.size || text_is(value, "0"))
        return true;
    const char *why = "this option is not known";
    for (size_t i = 0; i < sizeof(whys) / sizeof(whys[0]); i++)
        if (text_is(name, whys[i].name))
            why = whys[i].why ? whys[i].why : "the house has no place for it";
    import_lost(r->im, name, value, "%s", why);
    return true;
}

static bool common_option(struct reader *r, struct common *c, text name, text value, bool *mine)
{
    const struct {
        const char *name;
        text *to;
    } places[] = {{"-service", &c->service}, {"-tags", &c->tags},         {"-atleast", &c->atleast},
                  {"-atmost", &c->atmost},   {"-maxrunsecs", &c->maxrun}, {"-envkey", &c->envkey}};
    *mine = false;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (text_is(name, places[i].name)) {
            *mine = true;
            return substitute(r, text_trim(value), places[i].to);
        }
    return true;
}

// Calls `take` for each option; positional words go to `positional` (may be NULL: lost).
struct walk {
    struct reader *r;
    const struct words *w;
    size_t from;
    void *context;
    bool (*option)(struct walk *k, text name, text value);
    bool (*positional)(struct walk *k, text value);
};

static bool walk_words(struct walk *k)
{
    for (size_t i = k->from; i < k->w->count; i++) {
        text word = k->w->at[i];
        bool option = k->w->bare[i] && word.size > 1 && word.at[0] == '-' &&
                      !(word.at[1] >= '0' && word.at[1] <= '9');
        if (!option) {
            if (!k->positional(k, word))
                return false;
            continue;
        }
        bool has = i + 1 < k->w->count;
        text value = has ? k->w->at[++i] : (text){"", 0};
        if (!k->option(k, word, value))
            return false;
    }
    return true;
}

static bool positional_lost(struct walk *k, text value)
{
    import_lost(k->r->im, text_of("word"), value, "it belongs to no option");
    return true;
}

struct of_task {
    struct task *task;
    bool titled;
};

static bool task_option(struct walk *k, text name, text value)
{
    struct of_task *o = k->context;
    struct task *t = o->task;
    bool mine;
    if (!common_option(k->r, &t->common, name, value, &mine))
        return false;
    if (mine)
        return true;
    if (text_is(name, "-title"))
        return substitute(k->r, text_trim(value), &t->title);
    if (text_is(name, "-id"))
        return substitute(k->r, text_trim(value), &t->id);
    if (text_is(name, "-serialsubtasks")) {
        t->serial = text_is(text_trim(value), "1") || text_is(text_trim(value), "true");
        return true;
    }
    static const char *const elsewhere[] = {"-init",     "-cleanup", "-whendone",
                                            "-subtasks", "-cmds",    "-priority",
                                            "-pbias",    "-paused",  "-pause"};
    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
        if (text_is(name, elsewhere[i]))
            return true;
    return lost_option(k->r, name, value);
}

static bool task_title(struct walk *k, text value)
{
    struct of_task *o = k->context;
    if (o->titled)
        return positional_lost(k, value);
    o->titled = true;
    return substitute(k->r, text_trim(value), &o->task->title);
}

// What is inside: first the assignments, then what uses them.
static bool task_init(struct walk *k, text name, text value)
{
    struct task *t = ((struct of_task *)k->context)->task;
    return !text_is(name, "-init") || script(k->r, value, &(struct into){.parent = t});
}

static bool task_bodies(struct walk *k, text name, text value)
{
    struct task *t = ((struct of_task *)k->context)->task;
    struct command **last = &k->r->cleanup;
    struct common common = {0};
    if (text_is(name, "-subtasks"))
        return script(k->r, value, &(struct into){.parent = t});
    if (text_is(name, "-cmds"))
        return script(k->r, value, &(struct into){.last = &t->last_command, .common = &t->common});
    if (!text_is(name, "-cleanup") && !text_is(name, "-whendone"))
        return true;
    while (*last)
        last = &(*last)->next;
    if (text_trim(value).size)
        import_lost(k->r->im, name, value,
                    "it runs as a last step when all is done, not when the job fails");
    return script(k->r, value, &(struct into){.last = &last, .common = &common});
}

static bool positional_quiet(struct walk *k, text value)
{
    (void)k, (void)value;
    return true;
}

static bool read_task_words(struct reader *r, const struct words *w, struct task *t)
{
    struct of_task o = {.task = t};
    struct walk k = {r, w, 1, &o, task_option, task_title};
    if (!walk_words(&k))
        return false;
    k.positional = positional_quiet;
    k.option = task_init;
    if (!walk_words(&k))
        return false;
    k.option = task_bodies;
    return walk_words(&k);
}

static struct task *new_task(struct reader *r, struct task *parent)
{
    if (r->tasks == TASKS_MOST) {
        error_set(r->err, ERROR_TOO_BIG, "the job script has more than %d tasks", TASKS_MOST);
        return NULL;
    }
    if (!spend(r, sizeof(struct task)))
        return NULL;
    struct task *t = ARENA_NEW(r->a, struct task);
    t->last_child = &t->children;
    t->last_command = &t->commands;
    if (parent) {
        t->common = parent->common;
        *parent->last_child = t;
        parent->last_child = &t->next;
    }
    r->all[r->tasks++] = t;
    return t;
}

// ---- commands

struct of_command {
    struct command *c;
    struct common own;
    text *words;
    size_t count;
};

static bool command_option(struct walk *k, text name, text value)
{
    struct of_command *o = k->context;
    bool mine;
    if (!common_option(k->r, &o->own, name, value, &mine))
        return false;
    if (mine || text_is(name, "-id"))
        return true;
    return lost_option(k->r, name, value);
}

// %D(path) is the path; %% a percent sign. Others only Tractor knows.
static bool percent(struct reader *r, text t, text *out)
{
    if (!t.size || !memchr(t.at, '%', t.size)) {
        *out = t;
        return true;
    }
    if (!spend(r, t.size))
        return false;
    char *to = arena_take(r->a, t.size + 1);
    size_t n = 0;
    for (size_t i = 0; i < t.size; i++) {
        text rest = {t.at + i, t.size - i};
        const char *close = text_starts(rest, "%D(") ? memchr(rest.at, ')', rest.size) : NULL;
        if (close) {
            size_t size = (size_t)(close - rest.at) - 3;
            memcpy(to + n, rest.at + 3, size);
            n += size;
            i += size + 3;
            if (!r->told_map)
                import_lost(r->im, text_of("%D()"), rest,
                            "paths are as the script says them; see path_mapping");
            r->told_map = true;
        } else {
            if (text_starts(rest, "%%"))
                i++;
            else if (t.at[i] == '%' && i + 1 < t.size && strchr("hHnijstrqa", t.at[i + 1]) &&
                     (i + 2 == t.size || !name_letter(t.at[i + 2])))
                import_lost(r->im, (text){t.at + i, 2}, t,
                            "what Tractor puts in when it runs is not known here");
            to[n++] = t.at[i];
        }
    }
    *out = (text){to, n};
    return true;
}

static bool command_words(struct walk *k, text value)
{
    struct of_command *o = k->context;
    struct words w;
    text rest = value;
    if (!next_words(k->r, &rest, true, &w))
        return false;
    for (size_t i = 0; i < w.count; i++) {
        if (o->count == WORDS_MOST)
            return error_set(k->r->err, ERROR_TOO_BIG,
                             "a command of the job script has too many words");
        text t;
        if (!substitute(k->r, w.at[i], &t) || !percent(k->r, t, &o->words[o->count]))
            return false;
        o->count++;
    }
    return true;
}

// File operations that Tractor's blades have built in, as programs.
static bool built_in(struct reader *r, struct of_command *o)
{
    static const struct {
        const char *name, *program, *option;
    } acts[] = {{"delete", "rm", "-rf"},
                {"copy", "cp", "-f"},
                {"rename", "mv", "-f"},
                {"makedir", "mkdir", "-p"}};
    if (!o->count || (!text_is(o->words[0], "TractorBuiltIn") && !text_is(o->words[0], "Alfred")))
        return true;
    if (o->count >= 3 && text_is(o->words[1], "File"))
        for (size_t i = 0; i < 4; i++)
            if (text_is(o->words[2], acts[i].name)) {
                o->words[0] = text_of(acts[i].program);
                o->words[1] = text_of(acts[i].option);
                o->words[2] = text_of("--");
                return true;
            }
    import_lost(r->im, text_of("TractorBuiltIn"), o->count > 1 ? o->words[1] : (text){"", 0},
                "this command is built into Tractor; it is left out");
    o->count = 0;
    return true;
}

static bool read_command(struct reader *r, const struct words *w, struct into *into)
{
    struct of_command o = {.own = *into->common};
    struct walk k = {r, w, 1, &o, command_option, command_words};
    text *room = malloc(WORDS_MOST * sizeof(text));
    if (!room)
        abort();
    o.words = room;
    bool ok = walk_words(&k) && built_in(r, &o) && spend(r, o.count * sizeof(text));
    if (ok && o.count) {
        struct command *c = ARENA_NEW(r->a, struct command);
        c->local = text_is(w->at[0], "Cmd");
        c->words = (struct words){ARENA_ARRAY(r->a, text, o.count), NULL, o.count};
        memcpy(c->words.at, o.words, o.count * sizeof(text));
        **into->last = c;
        *into->last = &c->next;
        if (c->local && !r->told_local)
            import_lost(r->im, text_of("Cmd"), o.words[0],
                        "it ran where the job was spooled; now any worker runs it");
        r->told_local |= c->local;
        if (into->again && !alike(into->common->service, o.own.service))
            import_lost(r->im, text_of("-service"), o.own.service,
                        "commands of one task run on one machine; the last one's counts");
        into->again = true;
        *into->common = o.own; // a task has what its commands need
    }
    free(room);
    return ok;
}

// ---- the operators

static bool iterate(struct reader *r, const struct words *w, struct into *into)
{
    text name = w->count > 1 ? w->at[1] : (text){"", 0}, body = {"", 0}, t;
    int64_t from = 1, to = 0, by = 1, *n = NULL;
    for (size_t i = 2; i + 1 < w->count; i += 2) {
        n = text_is(w->at[i], "-from") ? &from
            : text_is(w->at[i], "-to") ? &to
            : text_is(w->at[i], "-by") ? &by
                                       : NULL;
        if (text_is(w->at[i], "-template") || text_is(w->at[i], "-subtasks"))
            body = w->at[i + 1];
        else if (!n)
            lost_option(r, w->at[i], w->at[i + 1]);
        else if (!substitute(r, text_trim(w->at[i + 1]), &t) || !text_int(t, n))
            return wrong(r, "Iterate needs whole numbers");
    }
    if (by == 0 || from > 1000000000 || from < -1000000000 || to > 1000000000 || to < -1000000000 ||
        by > 1000000000 || by < -1000000000 || r->variable_count == VARIABLES_MOST)
        return wrong(r, "Iterate goes on for ever");
    char *number = arena_take(r->a, 32);
    bool ok = true;
    int mine = r->variable_count++;
    for (int64_t i = from; ok && (by > 0 ? i <= to : i >= to); i += by) {
        snprintf(number, 32, "%lld", (long long)i);
        r->variables[mine] = (struct variable){name, text_of(arena_text(r->a, number))};
        ok = spend(r, 64) && script(r, body, into);
    }
    r->variable_count = mine;
    return ok;
}

static bool assign(struct reader *r, const struct words *w)
{
    if (w->count < 3 || r->variable_count == VARIABLES_MOST)
        return wrong(r, "Assign needs a name and a value");
    struct variable v = {w->at[1], {"", 0}};
    if (!substitute(r, w->at[2], &v.value))
        return false;
    r->variables[r->variable_count++] = v;
    return true;
}

static bool operator(struct reader *r, const struct words *w, struct into *into)
{
    text word = w->at[0];
    if (text_is(word, "Iterate"))
        return iterate(r, w, into);
    if (text_is(word, "Assign"))
        return assign(r, w);
    if ((text_is(word, "Cmd") || text_is(word, "RemoteCmd")) && into->last)
        return read_command(r, w, into);
    if (text_is(word, "Job") && !r->root) {
        r->root = new_task(r, NULL);
        return r->root && read_task_words(r, w, r->root);
    }
    if (text_is(word, "Task") && into->parent) {
        struct task *t = new_task(r, into->parent);
        return t && read_task_words(r, w, t);
    }
    if (text_is(word, "Instance") && into->parent && w->count > 1) {
        struct task *t = new_task(r, into->parent);
        return t && substitute(r, text_trim(w->at[1]), &t->instance);
    }
    import_lost(r->im, word, w->count > 1 ? w->at[1] : (text){"", 0},
                "only the operators of job scripts are understood here");
    return true;
}

static bool script(struct reader *r, text body, struct into *into)
{
    struct words w;
    bool ok = spend(r, body.size);
    if (++r->depth > DEPTH_MOST)
        ok = wrong(r, "it is nested too deeply");
    while (ok && body.size) {
        ok = next_words(r, &body, false, &w);
        if (ok && w.count)
            ok = operator(r, &w, into);
    }
    r->depth--;
    return ok;
}

// ---- sets of steps

static void set_add(struct set *s, int step)
{
    int i = s->count;
    while (i > 0 && s->at[i - 1] > step)
        i--;
    if (i > 0 && s->at[i - 1] == step)
        return;
    memmove(&s->at[i + 1], &s->at[i], (size_t)(s->count - i) * sizeof(int));
    s->at[i] = step;
    s->count++;
}

static json_t *steps_of(struct reader *r)
{
    return json_object_get(r->im->template_json, "steps");
}

static int add_step(struct reader *r, json_t *step, const struct set *before)
{
    json_t *needs = json_array();
    for (int i = 0; i < before->count; i++)
        json_array_append_new(
            needs,
            json_pack("{s:O}", "dependsOn",
                      json_object_get(json_array_get(steps_of(r), (size_t)before->at[i]), "name")));
    if (json_array_size(needs))
        json_object_set(step, "dependencies", needs);
    json_decref(needs);
    json_array_append_new(steps_of(r), step);
    return r->steps++;
}

// Many steps that are waited for become one that does nothing after them.
static void gather(struct reader *r, struct set *s)
{
    if (s->count < SET_MOST)
        return;
    json_t *step = json_pack("{s:o, s:{s:{s:{s:s}}}}", "name",
                             import_step_name(r->im, text_of("Wait for all")), "script", "actions",
                             "onRun", "command", "true");
    int number = add_step(r, step, s);
    *s = (struct set){.at = {number}, .count = 1};
}

static void set_join(struct reader *r, struct set *s, const struct set *other)
{
    for (int i = 0; i < other->count; i++) {
        set_add(s, other->at[i]);
        gather(r, s);
    }
}

// ---- steps

static bool identifier(text t) // of a capability: letters, digits, _, not first a digit
{
    for (size_t i = 0; i < t.size; i++)
        if (!(name_letter(t.at[i]) && (i || t.at[i] < '0' || t.at[i] > '9')))
            return false;
    return t.size && t.size <= 60;
}

static bool reserved(text t)
{
    return text_is(t, "worker") || text_is(t, "job") || text_is(t, "step") || text_is(t, "task");
}

static void add_requirements(struct reader *r, const struct common *c, json_t *step)
{
    json_t *amounts = json_array(), *attributes = json_array();
    int64_t least = 0, most = 0;
    text rest = c->tags;
    while (rest.size) {
        size_t n = 0;
        while (n < rest.size && !strchr(" ,\t\n", rest.at[n]))
            n++;
        text tag = {rest.at, n};
        rest = (text){rest.at + n + (n < rest.size), rest.size - n - (n < rest.size)};
        if (identifier(tag) && !reserved(tag))
            json_array_append_new(
                amounts, json_pack("{s:o, s:i}", "name",
                                   json_sprintf("amount.%.*s", (int)tag.size, tag.at), "min", 1));
        else if (tag.size)
            import_lost(r->im, text_of("-tags"), tag, "it is no name of a limit");
    }
    if (identifier(c->service))
        json_array_append_new(attributes, json_pack("{s:s, s:[o]}", "name", "attr.service", "anyOf",
                                                    import_string(c->service)));
    else if (c->service.size)
        import_lost(r->im, text_of("-service"), c->service,
                    "only a single name of a service is carried over");
    bool has_least = text_int(c->atleast, &least) && least > 0 && least < 1000000;
    bool has_most = text_int(c->atmost, &most) && most >= least && most > 0 && most < 1000000;
    if (has_least || has_most) {
        json_t *cores = json_pack("{s:s}", "name", "amount.worker.vcpu");
        if (has_least)
            json_object_set_new(cores, "min", json_integer(least));
        if (has_most)
            json_object_set_new(cores, "max", json_integer(most));
        json_array_append_new(amounts, cores);
    }
    json_t *needs = json_object();
    if (json_array_size(amounts))
        json_object_set(needs, "amounts", amounts);
    if (json_array_size(attributes))
        json_object_set(needs, "attributes", attributes);
    if (json_object_size(needs))
        json_object_set(step, "hostRequirements", needs);
    json_decref(amounts);
    json_decref(attributes);
    json_decref(needs);
}

// "{setenv A=b C=d} maya-2024": what is set, as variables; keys of the site's own handlers are
// lost.
static void add_variables(struct reader *r, text envkey, json_t *step)
{
    struct words keys, w;
    text rest = envkey;
    json_t *variables = json_object();
    struct error none, *kept = r->err;
    r->err = &none; // what can not be read here is lost, not wrong
    bool ok = next_words(r, &rest, true, &keys);
    for (size_t i = 0; ok && i < keys.count; i++) {
        text inner = keys.at[i];
        bool set = next_words(r, &inner, true, &w) && w.count > 1 && text_is(w.at[0], "setenv");
        for (size_t n = 1; set && n < w.count; n++) {
            text value = w.at[n], name = text_cut(&value, '=');
            char key[100];
            if (identifier(name) && text_copy(name, key, sizeof(key)) && value.size <= 2048)
                json_object_set_new(variables, key, import_literal(r->im, value, false));
        }
        if (!set && keys.at[i].size)
            import_lost(r->im, text_of("-envkey"), keys.at[i],
                        "it is a key of the site's own; say variables, or a tag");
    }
    r->err = kept;
    if (json_object_size(variables))
        json_object_set_new(step, "stepEnvironments",
                            json_pack("[{s:s, s:O}]", "name", "Variables", "variables", variables));
    json_decref(variables);
}

// One step of `tasks` that differ in some words: words of all commands one after another.
struct fold {
    struct task **tasks;
    size_t count, words;
    char (*names)[16]; // of the parameter at each word; "" where all are the same
};

static text word_at(const struct task *t, size_t index)
{
    const struct command *c = t->commands;
    while (index >= c->words.count) {
        index -= c->words.count;
        c = c->next;
    }
    return c->words.at[index];
}

static bool same_form(const struct task *a, const struct task *b)
{
    const struct command *x = a->commands, *y = b->commands;
    while (x && y && x->words.count == y->words.count) {
        x = x->next;
        y = y->next;
    }
    return !x && !y && alike(a->common.service, b->common.service) &&
           alike(a->common.tags, b->common.tags) && alike(a->common.atleast, b->common.atleast) &&
           alike(a->common.atmost, b->common.atmost) && alike(a->common.maxrun, b->common.maxrun) &&
           alike(a->common.envkey, b->common.envkey);
}

static bool fit_value(text t)
{
    for (size_t i = 0; i + 1 < t.size; i++)
        if (t.at[i] == '{' && t.at[i + 1] == '{')
            return false;
    return t.size && t.size <= VALUE_MOST && text_utf8(t);
}

// Words that are whole numbers which ascend, and are written as numbers are, make a range.
static bool numbers(const struct fold *f, size_t word, int64_t *at)
{
    char again[32];
    for (size_t i = 0; i < f->count; i++) {
        text t = word_at(f->tasks[i], word);
        if (!text_int(t, &at[i]) || (i && at[i] <= at[i - 1]) || at[i] > 1000000000000 ||
            at[i] < -1000000000000)
            return false;
        snprintf(again, sizeof(again), "%lld", (long long)at[i]);
        if (!text_is(t, again))
            return false;
    }
    return true;
}

static json_t *values_of(struct reader *r, const struct fold *f, size_t word, bool *whole)
{
    int64_t at[FOLD_MOST];
    *whole = numbers(f, word, at);
    if (*whole) {
        struct import_frames frames = {at, f->count, true};
        return import_string(import_frames_text(r->a, &frames));
    }
    json_t *list = json_array();
    for (size_t i = 0; i < f->count; i++)
        json_array_append_new(list, import_string(word_at(f->tasks[i], word)));
    return list;
}

static bool same_column(const struct fold *f, size_t a, size_t b)
{
    for (size_t i = 0; i < f->count; i++)
        if (!alike(word_at(f->tasks[i], a), word_at(f->tasks[i], b)))
            return false;
    return true;
}

// The parameters, or NULL when the tasks do not fit one step.
static json_t *fold_parameters(struct reader *r, struct fold *f)
{
    json_t *list = json_array();
    bool framed = false;
    for (size_t w = 0; w < f->words; w++) {
        bool varies = false, fits = true;
        for (size_t i = 0; i < f->count; i++) {
            varies |= !alike(word_at(f->tasks[i], w), word_at(f->tasks[0], w));
            fits = fits && fit_value(word_at(f->tasks[i], w));
        }
        f->names[w][0] = 0;
        for (size_t e = 0; varies && fits && e < w && !f->names[w][0]; e++)
            if (f->names[e][0] && same_column(f, e, w))
                memcpy(f->names[w], f->names[e], sizeof(f->names[w]));
        if (!varies || f->names[w][0])
            continue;
        if (!fits || json_array_size(list) == PARAMETERS_MOST) {
            json_decref(list);
            return NULL;
        }
        bool whole;
        json_t *values = values_of(r, f, w, &whole);
        snprintf(f->names[w], sizeof(f->names[w]), whole && !framed ? "Frame" : "Word%zu",
                 json_array_size(list) + 1);
        framed |= whole;
        json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", f->names[w], "type",
                                              whole ? "INT" : "STRING", "range", values));
    }
    if (!json_array_size(list)) { // the same command several times: numbered
        json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", "Number", "type", "INT",
                                              "range", json_sprintf("1-%zu", f->count)));
    }
    return list;
}

static json_t *word_json(struct reader *r, const struct fold *f, size_t word)
{
    if (f->names[word][0])
        return json_sprintf("{{Task.Param.%s}}", f->names[word]);
    return import_literal(r->im, word_at(f->tasks[0], word), true);
}

static json_t *step_script(struct reader *r, const struct fold *f, text maxrun)
{
    const struct task *t = f->tasks[0];
    bool one = t->commands && !t->commands->next;
    struct buf b = BUF_LIMIT(4 << 20);
    json_t *args = json_array(), *made;
    int64_t seconds;
    for (size_t w = one ? 1 : 0; w < f->words; w++)
        json_array_append_new(args, word_json(r, f, w));
    json_t *action =
        json_pack("{s:o}", "command", one ? word_json(r, f, 0) : json_string("{{Task.File.Run}}"));
    if (json_array_size(args))
        json_object_set(action, "args", args);
    json_decref(args);
    if (text_int(maxrun, &seconds) && seconds > 0 && seconds < 100000000)
        json_object_set_new(action, "timeout", json_integer(seconds));
    made = json_pack("{s:{s:o}}", "actions", "onRun", action);
    if (one)
        return made;
    // Several commands of one task: in turn, on the same machine. Their words come as arguments, so
    // that nothing in them can be taken for a part of the script.
    buf_text(&b, "#!/bin/sh\nset -e\n");
    size_t word = 1;
    for (const struct command *c = t->commands; c; c = c->next) {
        for (size_t i = 0; i < c->words.count; i++, word++)
            buf_format(&b, "%s\"${%zu}\"", i ? " " : "", word);
        buf_text(&b, "\n");
    }
    json_object_set_new(made, "embeddedFiles",
                        json_pack("[{s:s, s:s, s:b, s:s}]", "name", "Run", "type", "TEXT",
                                  "runnable", 1, "data", b.at));
    buf_free(&b);
    return made;
}

// "Frame 0012", "Frame 0013" -> "Frame"; what has nothing in common is called as its parent.
static text common_title(struct task **tasks, size_t count, text parent)
{
    text t = tasks[0]->title;
    for (size_t i = 1; i < count; i++) {
        size_t n = 0;
        while (n < t.size && n < tasks[i]->title.size && t.at[n] == tasks[i]->title.at[n])
            n++;
        t.size = n;
    }
    if (count > 1)
        while (t.size && strchr("0123456789 ._-([", t.at[t.size - 1]))
            t.size--;
    return t.size >= 3 || count == 1 || !parent.size ? t : parent;
}

// Makes one step of the tasks; false when they do not fit one.
static bool fold_step(struct reader *r, struct task **tasks, size_t count, text parent,
                      const struct set *before)
{
    struct fold f = {.tasks = tasks, .count = count};
    for (const struct command *c = tasks[0]->commands; c; c = c->next)
        f.words += c->words.count;
    f.names = calloc(f.words, sizeof(*f.names));
    if (!f.names)
        abort();
    json_t *parameters = count > 1 ? fold_parameters(r, &f) : NULL;
    if (count > 1 && !parameters) {
        free(f.names);
        return false;
    }
    json_t *step =
        json_pack("{s:o}", "name", import_step_name(r->im, common_title(tasks, count, parent)));
    if (parameters) {
        json_t *space = json_pack("{s:O}", "taskParameterDefinitions", parameters);
        if (json_array_size(parameters) > 1) {
            struct buf b = BUF_LIMIT(2000);
            size_t i;
            const json_t *p;
            json_array_foreach(parameters, i, p) buf_format(
                &b, "%s%s", i ? ", " : "(", json_string_value(json_object_get(p, "name")));
            buf_text(&b, ")");
            json_object_set_new(space, "combination", json_string(b.at));
            buf_free(&b);
        }
        json_object_set_new(step, "parameterSpace", space);
        json_decref(parameters);
    }
    const struct common *c = &tasks[0]->common;
    add_requirements(r, c, step);
    add_variables(r, c->envkey, step);
    json_object_set_new(step, "script", step_script(r, &f, c->maxrun));
    free(f.names);
    int number = add_step(r, step, before);
    for (size_t i = 0; i < count; i++) {
        tasks[i]->done = (struct set){.at = {number}, .count = 1};
        tasks[i]->placed = tasks[i]->steps = true;
    }
    return true;
}

// ---- placing

static bool leaf(const struct task *t)
{
    return t->commands && !t->children && !t->instance.size;
}

static const struct task *task_named(const struct reader *r, text name)
{
    for (int i = 0; i < r->tasks; i++)
        if (!r->all[i]->instance.size &&
            (alike(r->all[i]->title, name) || (r->all[i]->id.size && alike(r->all[i]->id, name))))
            return r->all[i];
    return NULL;
}

static bool place(struct reader *r, struct task *t, text parent, const struct set *before);

// Siblings from *at on that make one step; at least one is taken.
static bool place_alike(struct reader *r, struct task **at, text parent, const struct set *before,
                        bool serial)
{
    struct task *group[FOLD_MOST], *t = *at;
    size_t count = 0;
    for (; t && count < FOLD_MOST && leaf(t) && !serial && (!count || same_form(group[0], t));
         t = t->next)
        group[count++] = t;
    if (count > 1 && fold_step(r, group, count, parent, before)) {
        *at = group[count - 1];
        return spend(r, count * 64);
    }
    return place(r, *at, parent, before);
}

static bool place(struct reader *r, struct task *t, text parent, const struct set *before)
{
    struct set after = {0}, turn = *before;
    if (!spend(r, 1024))
        return false;
    if (t->instance.size) {
        const struct task *other = task_named(r, t->instance);
        if (other && other->placed) {
            t->done = other->done;
            t->steps = other->steps;
        } else
            import_lost(r->im, text_of("Instance"), t->instance,
                        other ? "the task it names comes later in the script"
                              : "there is no task of that title");
        return true;
    }
    bool instances = false;
    for (struct task *c = t->children; c; c = c->next) {
        struct task *first = c;
        if (!place_alike(r, &c, t->title, t->serial ? &turn : before, t->serial))
            return false;
        for (struct task *d = first;; d = d->next) {
            // What was placed behind `turn` implies it; an instance may lie anywhere.
            instances |= d->instance.size > 0;
            t->steps |= d->steps;
            if (!t->serial && d->steps)
                set_join(r, &after, &d->done);
            else if (d->steps && d->instance.size)
                set_join(r, &turn, &d->done);
            else if (d->steps)
                turn = d->done;
            if (d == c)
                break;
        }
    }
    if (t->serial)
        after = turn;
    else if (instances || !after.count)
        set_join(r, &after, before);
    t->done = after;
    bool ok = !t->commands || fold_step(r, &t, 1, parent, &after);
    t->placed = true;
    return ok;
}

// ---- the job

static bool job_option(struct walk *k, text name, text value)
{
    json_t *options = k->r->im->options;
    text t = text_trim(value);
    char said[64];
    if (text_is(name, "-priority") || text_is(name, "-pbias")) {
        text_copy(t, said, sizeof(said));
        double n = strtod(said, NULL);
        if (n >= 0 && n <= 100)
            json_object_set_new(options, "priority", json_integer((json_int_t)n));
        else
            import_lost(k->r->im, name, value, "a priority is 0 to 100");
    }
    if ((text_is(name, "-paused") || text_is(name, "-pause")) && text_is(t, "1"))
        json_object_set_new(options, "suspended", json_true());
    return true;
}

static bool place_cleanup(struct reader *r)
{
    struct task *t = r->cleanup ? new_task(r, NULL) : NULL;
    if (!r->cleanup)
        return true;
    if (!t)
        return false;
    t->commands = r->cleanup;
    t->title = text_of("Clean up");
    t->common = (struct common){0};
    return fold_step(r, &t, 1, t->title, &r->root->done);
}

static bool import_tree(struct reader *r)
{
    struct set none = {0};
    if (!place(r, r->root, r->root->title, &none) || !place_cleanup(r))
        return false;
    if (r->steps == 0) {
        error_set(r->err, ERROR_INPUT, "the job script has no commands");
        return error_fix(r->err, "check that its tasks have -cmds");
    }
    json_object_set_new(r->im->template_json, "name", import_job_name(r->im, r->root->title));
    import_finish(r->im);
    return true;
}

// Options of the Job that are the submission's, not a step's: -priority, -paused.
static bool read_job_options(struct reader *r, text script_text)
{
    struct words w;
    text rest = script_text;
    while (rest.size) {
        if (!next_words(r, &rest, false, &w))
            return false;
        if (w.count && text_is(w.at[0], "Job")) {
            struct walk k = {r, &w, 1, NULL, job_option, positional_quiet};
            return walk_words(&k);
        }
    }
    return true;
}

bool tractor_import(struct arena *a, text bytes, struct import *im, struct error *err)
{
    struct reader *r = calloc(1, sizeof(*r));
    if (!r)
        abort();
    *r = (struct reader){.a = a, .im = im, .err = err, .work_left = WORK_MOST};
    r->all = calloc(TASKS_MOST, sizeof(*r->all));
    if (!r->all)
        abort();
    error_clear(err);
    import_begin(im);
    json_object_set_new(im->template_json, "steps", json_array());
    text body;
    bool ok = import_text(a, bytes, &body, err) && script(r, body, &(struct into){0});
    if (ok && !r->root) {
        error_set(err, ERROR_INPUT, "this is no job script of Tractor");
        ok = error_why(err, "it has no Job");
    }
    ok = ok && read_job_options(r, body) && import_tree(r);
    free(r->all);
    free(r);
    return ok;
}

bool tractor_is_job(text bytes)
{
    if (text_starts(bytes, "##Alfred"))
        return true;
    while (bytes.size) {
        text line = text_trim(text_cut(&bytes, '\n'));
        if (text_starts(line, "Job ") || text_starts(line, "Job\t"))
            return true;
    }
    return false;
}
