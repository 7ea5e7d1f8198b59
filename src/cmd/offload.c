/*
 * posthouse offload: a card to several places, with proof, and one light.
 *
 * Without a house nothing but disks is needed. First all is looked at and refused that cannot end
 * well; then the copying; then each whole copy gets a generation of hashes, of the digests that
 * were just made; then the house, from a copy, so that the card is read once; then the papers.
 */
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/media.h"
#include "cmd/offload_account.h"
#include "cmd/offload_cards.h"
#include "cmd/offload_house.h"
#include "cmd/signing.h"
#include "offload/receipt.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PICTURES = 60, SAID_MOST = 20 };

static volatile sig_atomic_t asked_to_stop;

static void on_signal(int number)
{
    (void)number;
    asked_to_stop = 1;
}

struct showing {
    struct progress bar;
    int64_t done, total;
};

static bool going(void *context, int64_t more_bytes)
{
    struct showing *s = context;
    s->done += more_bytes;
    progress_show(&s->bar, s->done, s->total);
    return !asked_to_stop;
}

// ---- what is asked

static bool read_policy(struct command_call *call, struct offload_policy *p, struct error *err)
{
    p->copies = config_int(call->config, "offload.copies");
    p->places = config_int(call->config, "offload.places");
    p->anyway = option_flag(call, "incomplete");
    if (p->copies >= 1 && p->places >= 1 && p->places <= p->copies)
        return true;
    error_set(err, ERROR_USAGE, "%lld copies in %lld places is no policy", (long long)p->copies,
              (long long)p->places);
    return error_fix(err,
                     "--offload.copies and --offload.places: as many copies as places or more");
}

static bool look(struct offload_work *w, struct error *err)
{
    struct command_call *call = w->call;
    text places = text_of(option_text(call, "to"));
    if (!places.size) {
        error_set(err, ERROR_USAGE, "offload needs a place to copy to");
        return error_fix(err, "--to FOLDER, once for each copy");
    }
    if (option_text(call, "house") && !option_text(call, "project")) {
        error_set(err, ERROR_USAGE, "a card goes into a project of the house");
        return error_fix(err, "say --project NAME; `posthouse ls` lists them");
    }
    while (places.size) {
        text one = text_cut(&places, '\n');
        if (!offload_place_add(&w->plan, arena_copy(call->arena, one.at, one.size), err))
            return false;
    }
    if (!mhl_kinds_read(option_text(call, "hash"), w->kinds, err) ||
        !read_policy(call, &w->policy, err) ||
        !offload_plan(&w->plan, call->words[0], option_text(call, "name"), err))
        return false;
    struct card_file *files = ARENA_ARRAY(call->arena, struct card_file, w->plan.count + 1);
    for (size_t i = 0; i < w->plan.count; i++)
        files[i] = (struct card_file){w->plan.files[i].path, w->plan.files[i].folder,
                                      w->plan.files[i].size};
    if (!card_in_folder(call, w->plan.card, files, w->plan.count, &w->card, err))
        return false;
    if (!w->card.kind)
        card_plain_clips(files, w->plan.count, call->arena, &w->card);
    return true;
}

// ---- lists of hashes

static const char *const *read_already(void *context, const char *path)
{
    const struct offload_file *f = offload_file_at(context, path);
    // A chain in a copy goes on after that of the card.
    return f && !text_ends(text_of(path), "ascmhl_chain.xml") ? f->digests : NULL;
}

static void write_lists(struct offload_work *w)
{
    for (size_t i = 0; i < w->plan.place_count; i++) {
        struct offload_place *p = &w->plan.places[i];
        struct error err;
        struct mhl_wish wish = {.folder = p->target,
                                .record = true,
                                .author = option_text(w->call, "author"),
                                .location = p->named ? p->name : NULL,
                                .comment = option_text(w->call, "comment"),
                                .version = POSTHOUSE_VERSION,
                                .process = "transfer",
                                .read_already = read_already,
                                .context = &w->plan,
                                .quiet = true};
        memcpy(wish.kinds, w->kinds, sizeof(wish.kinds));
        if (!p->whole)
            continue;
        if (!mhl_folder(&wish, w->call->arena, &w->lists[i], &err)) {
            p->problem = ARENA_NEW(w->call->arena, struct error);
            *p->problem = err;
        }
        offload_folder_times(&w->plan, p);
    }
}

// ---- pictures of clips

struct pictures {
    struct offload_work *w;
    const char *folder;
    json_t *facts; // by clip
    struct buf jpeg;
};

static bool shows_pictures(const char *path)
{
    static const char *const endings[] = {".mov", ".mp4", ".mxf", ".mts", ".m2ts", ".mkv", ".avi",
                                          ".dpx", ".exr", ".tif", ".png", ".jpg",  ".wav", NULL};
    const char *dot = strrchr(path, '.');
    for (int i = 0; dot && endings[i]; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return true;
    return false;
}

static const char *facts_line(struct arena *a, const json_t *facts)
{
    const json_t *video = json_array_get(json_object_get(facts, "video"), 0);
    const char *codec = json_string_value(json_object_get(video, "codec"));
    const char *rate = json_string_value(json_object_get(facts, "rate"));
    const char *start =
        json_string_value(json_object_get(json_object_get(facts, "timecode"), "start"));
    if (!video)
        return "sound";
    return arena_format(a, "%s, %lld x %lld%s%s%s%s", codec ? codec : "picture",
                        (long long)json_integer_value(json_object_get(video, "width")),
                        (long long)json_integer_value(json_object_get(video, "height")),
                        rate ? ", " : "", rate ? rate : "", start ? ", from " : "",
                        start ? start : "");
}

// From a copy: the card is read once.
static void look_at_clips(struct pictures *p, const struct offload_place *from, int64_t most)
{
    const struct card *c = &p->w->card;
    for (size_t i = 0, made = 0; i < c->clip_count && (int64_t)made < most && !asked_to_stop; i++) {
        const char *file = c->clips[i].picture;
        struct media m;
        struct error none;
        json_t *facts = NULL;
        if (!file || !shows_pictures(file))
            continue;
        made++;
        const char *path = arena_format(p->w->call->arena, "%s/%s", from->target, file);
        if (media_open(p->w->call, path, &m, &none)) {
            if (media_probe_picture(p->w->call, &m, p->folder,
                                    arena_format(p->w->call->arena, "%zu.jpg", i), &facts, &none))
                json_object_set_new(
                    p->facts, c->clips[i].name,
                    json_pack("{s:s}", "facts", facts_line(p->w->call->arena, facts)));
            media_close(&m);
        }
        json_decref(facts);
    }
}

static const struct buf *picture_of(void *context, const char *clip)
{
    struct pictures *p = context;
    char path[PATH_MAX];
    struct error none;
    for (size_t i = 0; i < p->w->card.clip_count; i++) {
        if (strcmp(p->w->card.clips[i].name, clip) != 0)
            continue;
        snprintf(path, sizeof(path), "%s/%zu.jpg", p->folder, i);
        buf_free(&p->jpeg);
        return file_read(path, &p->jpeg, &none) && p->jpeg.size ? &p->jpeg : NULL;
    }
    return NULL;
}

// ---- papers

static bool write_beside(const struct offload_work *w, const char *stamp, const char *ending,
                         const struct buf *bytes, struct error *err)
{
    const char *reports = option_text(w->call, "reports");
    char path[PATH_MAX];
    for (size_t i = 0; i < (reports ? 1 : w->plan.place_count); i++) {
        const struct offload_place *p = &w->plan.places[i];
        if (!reports && p->lost)
            continue;
        const char *name =
            arena_format(w->call->arena, "%s_offload_%s%s", w->plan.name, stamp, ending);
        if (!path_join(path, sizeof(path), reports ? reports : p->folder, name))
            return error_set(err, ERROR_INPUT, "a path is too long");
        if (!file_write(path, bytes->at ? bytes->at : "", bytes->size, 0644, err))
            return false;
    }
    return true;
}

static bool write_receipt(const struct offload_work *w, const char *stamp, const json_t *account,
                          struct error *err)
{
    struct sign_key *key = signing_key(w->call, true, err);
    json_t *whole = NULL;
    struct buf bytes = BUF_LIMIT(RECEIPT_BYTES);
    bool ok = key && receipt_sign(key, account, &whole, err);
    char *said = ok ? json_dumps(whole, JSON_INDENT(1)) : NULL;
    ok = ok &&
         ((said && buf_text(&bytes, said)) ||
          error_set(err, ERROR_TOO_BIG, "the receipt is over 512 MB")) &&
         write_beside(w, stamp, ".receipt.json", &bytes, err);
    free(said);
    json_decref(whole);
    buf_free(&bytes);
    sign_close(key);
    return ok;
}

static bool write_papers(struct offload_work *w, struct pictures *p, const json_t *account,
                         struct error *err)
{
    char stamp[40];
    time_t now = (time_t)((w->began_ms + w->took_ms) / 1000);
    struct tm tm;
    struct buf table = BUF_LIMIT(1 << 30), paper = BUF_LIMIT(1 << 30);
    const char *reports = option_text(w->call, "reports");
    gmtime_r(&now, &tm);
    strftime(stamp, sizeof(stamp), "%Y-%m-%d_%H%M%SZ", &tm);
    offload_table(account, &table);
    offload_paper(account, picture_of, p, &paper);
    bool ok = (!reports || folder_make(reports, 0755, err)) &&
              write_beside(w, stamp, ".csv", &table, err) &&
              write_beside(w, stamp, ".pdf", &paper, err) && write_receipt(w, stamp, account, err);
    buf_free(&table);
    buf_free(&paper);
    return ok;
}

// ---- on the screen

static void say_lines(const char *title, const json_t *list)
{
    const json_t *one;
    size_t i;
    json_array_foreach(list, i, one)
    {
        if (i == SAID_MOST) {
            printf("  and %zu more\n", json_array_size(list) - i);
            return;
        }
        if (!i)
            printf("%s\n", title);
        printf("  %s\n", json_string_value(one));
    }
}

static void say_places(const json_t *account)
{
    const json_t *place;
    size_t i;
    json_array_foreach(json_object_get(account, "places"), i, place)
    {
        const json_t *problem = json_object_get(place, "problem");
        bool good = json_is_true(json_object_get(place, "whole"));
        printf("%-9s %s (%s)", good ? "whole" : "NOT WHOLE", json_word(place, "path"),
               json_word(place, "name"));
        if (good && json_object_get(place, "made"))
            printf(": %s written, %s there before, read back %s",
                   count_text(json_count(place, "made")).text,
                   count_text(json_count(place, "there")).text,
                   json_is_true(json_object_get(place, "from_medium")) ? "from the medium"
                                                                       : "without direct reads");
        printf("\n");
        if (json_is_object(problem))
            printf("          %s%s%s\n          %s\n", json_word(problem, "what"),
                   *json_word(problem, "why") ? ": " : "", json_word(problem, "why"),
                   json_word(problem, "fix"));
    }
}

static void say_account(const json_t *account)
{
    const json_t *card = json_object_get(account, "card"),
                 *lists = json_object_get(account, "lists"),
                 *policy = json_object_get(account, "policy"), *clip;
    bool safe = json_is_true(json_object_get(account, "safe_to_format")),
         colour = isatty(STDOUT_FILENO) == 1;
    size_t i, split = 0;
    printf("%s%s%s%s: %s, %s, %zu clips; %s\n", json_word(card, "name"),
           *json_word(card, "title") ? " (" : "", json_word(card, "title"),
           *json_word(card, "title") ? ")" : "", files_text(json_count(card, "files")).text,
           size_text(json_count(card, "bytes")).text,
           json_array_size(json_object_get(account, "clips")),
           rate_text(json_count(account, "bytes_a_second")).text);
    json_array_foreach(json_object_get(account, "clips"), i, clip) split +=
        json_count(clip, "parts") > 1;
    if (split)
        printf("%zu clips are in several files; each is one clip in the report\n", split);
    if (json_count(lists, "compared"))
        printf("digests of the card's own lists: %s compared, %s not the same\n",
               count_text(json_count(lists, "compared")).text,
               count_text(json_count(lists, "differing")).text);
    say_places(account);
    say_lines("lists on the card that cannot be understood:",
              json_object_get(lists, "not_understood"));
    say_lines("to know:", json_object_get(card, "notes"));
    say_lines("missing on the card:", json_object_get(card, "missing"));
    if (safe)
        printf("%sSAFE TO FORMAT%s: %lld copies in %lld places\n", colour ? "\033[1;32m" : "",
               colour ? "\033[0m" : "", (long long)json_count(policy, "copies_made"),
               (long long)json_count(policy, "places_made"));
    else
        printf("%sNOT SAFE TO FORMAT%s\n", colour ? "\033[1;31m" : "", colour ? "\033[0m" : "");
    say_lines("because", json_object_get(account, "why"));
}

// ---- the command

static const struct offload_place *whole_place(const struct offload_work *w)
{
    for (size_t i = 0; i < w->plan.place_count; i++)
        if (w->plan.places[i].whole)
            return &w->plan.places[i];
    return NULL;
}

static void copy(struct offload_work *w, struct error *err)
{
    struct showing show = {.total = w->plan.bytes};
    show.bar = progress_begin("offloading", "bytes", option_flag(w->call, "json"));
    struct offload_wish wish = {.kinds = w->kinds,
                                .content = option_text(w->call, "house") != NULL,
                                .going = going,
                                .context = &show};
    int64_t began_us = clock_tick_us();
    if (!offload_run(&w->plan, &wish, err))
        w->stopped = err;
    progress_end(&show.bar);
    w->took_ms = (clock_tick_us() - began_us) / 1000;
}

// *status: of the light. False: the papers could not be written.
static bool finish(struct offload_work *w, int64_t pictures, int *status, struct error *err)
{
    char folder[] = "/tmp/posthouse-offload-XXXXXX";
    struct pictures p = {.w = w, .facts = json_object(), .jpeg = BUF_LIMIT(64 << 20)};
    const struct offload_place *from = whole_place(w);
    struct error none;
    if (from && pictures > 0 && (p.folder = mkdtemp(folder)))
        look_at_clips(&p, from, pictures);
    if (!p.folder)
        p.folder = "/nowhere";
    json_t *account = offload_account(w, p.facts);
    bool ok = write_papers(w, &p, account, err);
    if (option_flag(w->call, "json")) {
        json_dumpf(account, stdout, JSON_INDENT(2));
        printf("\n");
    } else {
        say_account(account);
    }
    *status = json_is_true(json_object_get(account, "safe_to_format")) ? 0 : 1;
    if (p.folder == folder)
        (void)!folder_remove(folder, &none);
    json_decref(account);
    json_decref(p.facts);
    buf_free(&p.jpeg);
    return ok;
}

static int run(struct command_call *call)
{
    struct offload_work w = {.call = call, .plan = {.a = call->arena}, .began_ms = clock_now_ms()};
    struct error err, stopped;
    int64_t pictures;
    int status = 0;
    error_clear(&err);
    error_clear(&stopped);
    if (!option_int(call, "pictures", PICTURES, &pictures))
        return 2;
    if (!look(&w, &err))
        return command_failed(&err);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    copy(&w, &stopped);
    write_lists(&w);
    const struct offload_place *from = whole_place(&w);
    if (option_text(call, "house") && from)
        offload_to_house(&w, from->target);
    else if (option_text(call, "house"))
        w.house = "the house";
    if (!finish(&w, pictures, &status, &err))
        return command_failed(&err);
    if (w.stopped)
        return command_failed(w.stopped);
    return status;
}

static const struct option_row options[] = {
    {"to", OPTION_LIST, "[NAME=]FOLDER",
     "a place for a copy, again for each; NAME says which place it is, else its disk does"},
    {"name", OPTION_TEXT, "NAME", "what the copies' folder is called (as the card's)"},
    {"hash", OPTION_TEXT, "KINDS",
     "digests, with commas: c4, md5, sha1, xxh128, xxh3, xxh64 (xxh64)"},
    {"house", OPTION_MAYBE, "URL", "also into a house; it is one more copy and one more place"},
    {"project", OPTION_TEXT, "NAME", "the house's project"},
    {"folder", OPTION_TEXT, "PATH", "a folder in it, such as \"Day 1\"; made when missing"},
    {"token-file", OPTION_TEXT, "FILE", "a file with a token (else POSTHOUSE_TOKEN)"},
    {"fingerprint", OPTION_TEXT, "HEX", "trust the certificate with this SHA-256 only"},
    {"incomplete", OPTION_FLAG, NULL, "take a card as it is when its own index lists more"},
    {"pictures", OPTION_INT, "COUNT", "clips with a picture in the report (60); 0: none"},
    {"reports", OPTION_TEXT, "FOLDER", "where the reports go (beside each copy)"},
    {"author", OPTION_TEXT, "NAME", "who does it, for lists and receipt"},
    {"comment", OPTION_TEXT, "WORDS", "why, for the lists"},
    {"json", OPTION_FLAG, NULL, "the account as JSON"},
    {0},
};
const struct command command_offload = {
    "offload",
    "CARD",
    "copy a camera card to several places, with proof, and say when it may be formatted",
    "Reads the card once and writes each file to all places; a copy gets its name only after it "
    "was\n"
    "read back from the medium and is the same. Digests that the card has of its own (MHL, md5 "
    "and\n"
    "xxhash sidecars) are compared too. Empty folders, hidden and empty files, names and times "
    "stay.\n"
    "Each copy gets a generation of ASC MHL; a table (CSV), a report with pictures (PDF) and a "
    "signed\n"
    "receipt lie beside it.\n\n"
    "SAFE TO FORMAT is said, and the exit status is 0, only when all files are whole at all "
    "places\n"
    "that were named, there are as many copies in as many places as offload.copies and "
    "offload.places\n"
    "ask (2 in 2), and the card is complete by its own index. Else the status is 1, or 3 when it\n"
    "could not be done, and what is in the way is said.\n\n"
    "The same again goes on after a kill: what is there is read and compared with the card, half\n"
    "files are thrown away. Needs no network and no house.",
    options,
    1,
    1,
    run,
};
