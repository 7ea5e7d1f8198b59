#include "cmd/submit_stage.h"
#include "cmd/progress.h"
#include "cmd/put_send.h"
#include "formats/openjd/openjd.h"
#include "house/transfer/transfer.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMED_MOST = 5, FILES_MOST = 500000 };

struct input {
    const char *path;
    struct stat seen;
};
struct staging {
    struct command_call *call;
    struct house *house;
    const char *project;
    struct input *list;
    size_t count, room;
    struct buf missing; // names of the first few
    size_t missing_count;
    struct journal *journal;
    struct sending *sending;
    char transfer[27];
};

// ---- finding

static void note_missing(struct staging *s, const char *path)
{
    if (s->missing_count++ < NAMED_MOST)
        buf_format(&s->missing, "%s%.100s", s->missing.size ? ", " : "", path);
}

static bool add_file(struct staging *s, const char *path, const struct stat *seen,
                     struct error *err)
{
    if (s->count == FILES_MOST)
        return error_set(err, ERROR_TOO_BIG, "a job reads at most %d files", FILES_MOST);
    if (s->count == s->room) {
        s->room = s->room ? s->room * 2 : 256;
        s->list = realloc(s->list, s->room * sizeof(*s->list));
        if (!s->list)
            abort();
    }
    s->list[s->count++] = (struct input){arena_text(s->call->arena, path), *seen};
    return true;
}

static bool on_seen(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    struct staging *s = context;
    struct stat seen;
    (void)enter;
    if (f->kind != FILE_PLAIN || transfer_path_hidden(text_of(f->path + 1)))
        return true;
    return stat(f->path, &seen) == 0 ? add_file(s, f->path, &seen, err)
                                     : (note_missing(s, f->path), true);
}

static bool add_path(struct staging *s, const char *path, struct error *err)
{
    struct stat seen;
    struct walk_wish walk = {.follow_links = true, .seen = on_seen, .context = s};
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    path = arena_copy(s->call->arena, path, size);
    if (stat(path, &seen) != 0)
        note_missing(s, path);
    else if (S_ISDIR(seen.st_mode))
        return folder_walk(path, &walk, err);
    else if (S_ISREG(seen.st_mode))
        return add_file(s, path, &seen, err);
    return true;
}

// A folder that frames are written into is not read, even when a parameter says so.
static bool is_output(const json_t *options, text path)
{
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(options, "outputs"), i, one)
    {
        const char *to = json_word(one, "path"), *slash = strrchr(to, '/');
        size_t size = slash ? (size_t)(slash - to) : 0;
        if (size && path.size >= size && memcmp(path.at, to, size) == 0 &&
            (path.size == size || path.at[size] == '/'))
            return true;
    }
    return false;
}

static bool make_job(struct staging *s, const char *word, const char *template,
                     const json_t *values, struct openjd_job **job, struct error *err)
{
    struct arena *a = s->call->arena;
    struct openjd_mistakes *m = ARENA_NEW(a, struct openjd_mistakes);
    const char *first = template + strspn(template, " \t\r\n");
    struct openjd_wish wish = {*first == '{' ? OPENJD_JSON : OPENJD_YAML, OPENJD_ALL_EXTENSIONS};
    struct openjd_template *parsed;
    struct openjd_given *given = NULL;
    size_t given_count = 0;
    char here[PATH_MAX], whole[PATH_MAX], folder[PATH_MAX] = "/";
    if (!openjd_parse(a, text_of(template), &wish, &parsed, m)) {
        error_set(err, ERROR_INPUT, "the template has mistakes");
        return error_why(err, "line %lld, %s: %s", (long long)m->at[0].line, m->at[0].field,
                         m->at[0].rule);
    }
    if (realpath(word, whole))
        path_folder(whole, folder, sizeof(folder));
    char *text = json_dumps(values, JSON_COMPACT);
    bool ok =
        openjd_given_parse(a, text_of(arena_text(a, text)), OPENJD_JSON, &given, &given_count, err);
    free(text);
    struct openjd_submission submission = {.job = parsed,
                                           .given = given,
                                           .given_count = given_count,
                                           .template_folder = folder,
                                           .work_folder = getcwd(here, sizeof(here)) ? here : "/",
                                           .defaults_may_leave = true};
    return ok && openjd_job_make(a, &submission, job, err);
}

static bool find_all(struct staging *s, const struct openjd_job *job, json_t *values,
                     const json_t *options, struct error *err)
{
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(options, "inputs"), i, one)
    {
        if (!add_path(s, json_string_value(one), err))
            return false;
    }
    for (i = 0; i < job->parameter_count; i++) {
        const struct openjd_job_parameter *p = &job->parameters[i];
        bool read = text_is(p->merged.data_flow, "IN") || text_is(p->merged.data_flow, "INOUT");
        text path = p->value.words;
        if (p->merged.type != OPENJD_T_PATH || !path.size || path.at[0] != '/')
            continue;
        json_object_setn_new(values, p->merged.name.at, p->merged.name.size,
                             json_stringn(path.at, path.size));
        if (read && !is_output(options, path) &&
            !add_path(s, arena_copy(s->call->arena, path.at, path.size), err))
            return false;
    }
    if (!s->missing_count)
        return true;
    error_set(err, ERROR_NOT_FOUND, "%zu of the files that the job needs %s missing",
              s->missing_count, s->missing_count == 1 ? "is" : "are");
    error_why(err, "%s%s", s->missing.at, s->missing_count > NAMED_MOST ? ", ..." : "");
    return error_fix(err, "bring them where the job looks for them, or change its parameters");
}

static int by_path(const void *one, const void *two)
{
    const struct input *a = one, *b = two;
    return strcmp(a->path, b->path);
}

static void sort(struct staging *s)
{
    size_t kept = 0;
    if (s->count)
        qsort(s->list, s->count, sizeof(*s->list), by_path);
    for (size_t i = 0; i < s->count; i++)
        if (!kept || strcmp(s->list[kept - 1].path, s->list[i].path) != 0)
            s->list[kept++] = s->list[i];
    s->count = kept;
}

// ---- bringing

static int64_t modified_ns(const struct stat *seen)
{
    return (int64_t)seen->st_mtim.tv_sec * 1000000000 + seen->st_mtim.tv_nsec;
}

static struct file_seen file_of(const struct input *f)
{
    return (struct file_seen){.path = f->path,
                              .relative = f->path + 1,
                              .kind = FILE_PLAIN,
                              .size = f->seen.st_size,
                              .modified_ms = modified_ns(&f->seen) / 1000000,
                              .modified_ns = modified_ns(&f->seen),
                              .device = f->seen.st_dev,
                              .inode = f->seen.st_ino};
}

static bool begin(struct staging *s, const char *name, struct error *err)
{
    struct buf what = BUF_LIMIT((size_t)512 << 20);
    buf_format(&what, "job\n%s\n%s\n", s->house->url, s->project);
    for (size_t i = 0; i < s->count; i++)
        buf_format(&what, "%s\n", s->list[i].path);
    sha256 all = sha256_of(what.at, what.size);
    buf_free(&what);
    s->journal = journal_open(arena_format(s->call->arena, "job %s", sha256_text(&all).text), err);
    if (!s->journal)
        return false;
    json_t *body =
        json_pack("{s:s, s:s, s:s}", "name", name, "origin", "job", "key", journal_key(s->journal));
    json_t *t =
        house_ask(s->house->client, "POST", body, err, "/projects/%s/transfers", s->project);
    if (t && strcmp(json_word(t, "state"), "closed") == 0) { // of one that was not queued then
        journal_key_anew(s->journal);
        json_object_set_new(body, "key", json_string(journal_key(s->journal)));
        json_decref(t);
        t = house_ask(s->house->client, "POST", body, err, "/projects/%s/transfers", s->project);
        if (t)
            journal_transfer(s->journal, ""); // nothing of it is in the new one
    }
    bool ok = t && text_copy(text_of(json_word(t, "id")), s->transfer, sizeof(s->transfer));
    json_decref(t);
    json_decref(body);
    if (ok)
        journal_transfer(s->journal, s->transfer);
    return ok;
}

static bool first_failure(struct staging *s, struct error *err)
{
    struct sending_failure f;
    struct sending_numbers n = sending_numbers(s->sending);
    if (!n.failed || !sending_failure(s->sending, 0, &f))
        return true;
    *err = *f.err;
    if (n.failed > 1)
        error_while(err, "%lld files can not be brought, first", (long long)n.failed);
    return false;
}

static bool send_files(struct staging *s, bool quiet, struct error *err)
{
    int64_t bytes = 0, had = 0;
    for (size_t i = 0; i < s->count; i++)
        bytes += s->list[i].seen.st_size;
    s->sending = sending_open(&(struct sending_wish){.client = s->house->client,
                                                     .journal = s->journal,
                                                     .transfer = s->transfer,
                                                     .patience_s = 600,
                                                     .way = {.url = s->house->url}});
    struct progress bar = progress_begin("bringing inputs", "bytes", quiet);
    for (size_t i = 0; i < s->count; i++) {
        struct file_seen f = file_of(&s->list[i]);
        struct error bad;
        if (journal_has(s->journal, &f, f.relative)) {
            had += f.size;
            continue;
        }
        if (!transfer_path_check(text_of(f.relative), &bad)) {
            sending_fail(s->sending, f.path, &bad);
            continue;
        }
        while (!sending_add(s->sending, &f, f.relative) && !sending_stopped(s->sending, err))
            progress_show(&bar, had + sending_numbers(s->sending).bytes, bytes);
    }
    sending_end(s->sending);
    while (!sending_done(s->sending)) {
        struct sending_numbers n = sending_numbers(s->sending);
        progress_show(&bar, had + n.bytes + n.moving_bytes, bytes);
    }
    bool stopped = sending_stopped(s->sending, err);
    sending_halt(s->sending);
    progress_end(&bar);
    if (!stopped)
        sending_tell_speed(s->sending);
    struct sending_numbers n = sending_numbers(s->sending);
    if (!stopped && !quiet)
        fprintf(stderr, "inputs: %s, %s; sent: %s\n", files_text((int64_t)s->count).text,
                size_text(bytes).text, size_text(n.sent_bytes).text);
    return !stopped && first_failure(s, err);
}

// What the job gets is what the house has now: nobody may take it for what lies here when that has
// changed meanwhile.
static bool unchanged(struct staging *s, struct error *err)
{
    for (size_t i = 0; i < s->count; i++) {
        struct stat now;
        const struct input *f = &s->list[i];
        if (stat(f->path, &now) == 0 && now.st_size == f->seen.st_size &&
            modified_ns(&now) == modified_ns(&f->seen) && now.st_ino == f->seen.st_ino)
            continue;
        error_set(err, ERROR_CONFLICT, "%.200s has changed while the job was submitted", f->path);
        return error_fix(err, "submit it again when nobody writes to its files");
    }
    return true;
}

static void say_options(struct staging *s, json_t *options)
{
    json_t *programs = json_array();
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].seen.st_mode & 0111)
            json_array_append_new(programs, json_string(s->list[i].path));
    json_object_set_new(options, "data", json_string("staged"));
    json_object_set_new(options, "transfer", json_string(s->transfer));
    if (json_array_size(programs))
        json_object_set(options, "programs", programs);
    json_decref(programs);
}

bool submit_stage(struct command_call *call, struct house *h, const char *project, const char *word,
                  const char *template, json_t *values, json_t *options, struct error *err)
{
    struct staging s = {
        .call = call, .house = h, .project = project, .missing = BUF_LIMIT(NAMED_MOST * 110)};
    struct openjd_job *job;
    const char *slash = strrchr(word, '/');
    bool done = false;
    bool ok =
        make_job(&s, word, template, values, &job, err) && find_all(&s, job, values, options, err);
    if (ok) {
        sort(&s);
        ok = begin(&s, slash ? slash + 1 : word, err) &&
             send_files(&s, option_flag(call, "json"), err) && unchanged(&s, err);
    }
    if (ok) {
        json_t *t = house_ask(h->client, "POST", NULL, err, "/transfers/%s/close", s.transfer);
        done = ok = t != NULL;
        json_decref(t);
    }
    if (ok)
        say_options(&s, options);
    if (s.sending)
        sending_close(s.sending);
    journal_close(s.journal, done);
    buf_free(&s.missing);
    free(s.list);
    return ok;
}
