#include "cmd/offload_account.h"
#include "formats/pdf/pdf.h"
#include "plat/clock.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINES_MOST = 200 };
#define GREEN 0x1b7f3bu
#define RED 0xb3261eu

// ---- the account

static json_t *words(const char *const *at, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *one = json_string(at[i]);
        json_array_append_new(list, one ? one : json_string("(a name that is not UTF-8)"));
    }
    return list;
}

static json_t *problem_json(const struct error *err)
{
    return err ? json_pack("{s:s, s:s, s:s}", "what", err->what, "why", err->why, "fix", err->fix)
               : NULL;
}

static bool list_good(const struct mhl_result *l)
{
    return l->generation && !l->failed.count && !l->missing.count;
}

static json_t *place_json(const struct offload_work *w, size_t i)
{
    const struct offload_place *p = &w->plan.places[i];
    const struct mhl_result *l = &w->lists[i];
    return json_pack("{s:s, s:b, s:s, s:s, s:b, s:I, s:I, s:b, s:s?, s:o, s:o, s:o?}", "name",
                     p->name, "named", p->named, "disk", p->disk, "path", p->target, "whole",
                     p->whole && list_good(l), "made", (json_int_t)p->made, "there",
                     (json_int_t)p->there, "from_medium", p->direct, "generation", l->generation,
                     "failed", words(l->failed.at, l->failed.count), "missing",
                     words(l->missing.at, l->missing.count), "problem", problem_json(p->problem));
}

static json_t *file_json(const struct offload_file *f)
{
    json_t *path = json_string(f->path);
    json_t *row = json_pack(
        "{s:o, s:I, s:s}", "path", path ? path : json_string("(a name that is not UTF-8)"), "size",
        (json_int_t)f->size, "modified", clock_text(f->modified_ns / 1000000).text);
    for (int k = 0; k < MHL_KINDS; k++)
        if (f->digests[k])
            json_object_set_new(row, mhl_names[k], json_string(f->digests[k]));
    if (f->list)
        json_object_set_new(row, "list", json_string(f->list));
    if (f->list && !f->problem)
        json_object_set_new(row, "same", json_boolean(!f->differs));
    if (f->problem)
        json_object_set_new(row, "problem", problem_json(f->problem));
    return row;
}

static json_t *clips_json(const struct offload_work *w, const json_t *found)
{
    json_t *list = json_array();
    for (size_t i = 0; i < w->card.clip_count; i++) {
        const struct card_clip *c = &w->card.clips[i];
        json_t *names = json_array();
        for (size_t k = 0; k < c->file_count; k++)
            json_array_append_new(names, json_string(w->plan.files[c->files[k]].path));
        json_t *row =
            json_pack("{s:s, s:I, s:I, s:o}", "name", c->name, "parts", (json_int_t)c->parts,
                      "bytes", (json_int_t)c->bytes, "files", names);
        json_object_update_missing(row, json_object_get(found, c->name));
        json_array_append_new(list, row);
    }
    return list;
}

static json_t *card_json(const struct offload_work *w)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:s?, s:s?, s:b, s:o, s:o}", "name", w->plan.name,
                     "path", w->plan.card, "files", (json_int_t)w->plan.file_count, "bytes",
                     (json_int_t)w->plan.bytes, "kind", w->card.kind, "title", w->card.title,
                     "indexed", w->card.indexed, "missing",
                     words(w->card.missing.at, w->card.missing.count), "notes",
                     words(w->card.notes.at, w->card.notes.count));
}

static void reason(json_t *why, const char *format, ...) PRINTF_LIKE(2, 3);
static void reason(json_t *why, const char *format, ...)
{
    char line[800];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof(line), format, list);
    va_end(list);
    json_t *one = json_string(line);
    json_array_append_new(why, one ? one : json_string("a name is not UTF-8"));
}

// Copies that are whole, and in how many places they are. The house is a place of its own.
static void count_copies(const struct offload_work *w, int64_t *copies, int64_t *places)
{
    *copies = *places = w->house_whole;
    for (size_t i = 0; i < w->plan.place_count; i++) {
        const struct offload_place *p = &w->plan.places[i];
        bool elsewhere = p->whole && list_good(&w->lists[i]);
        *copies += elsewhere;
        for (size_t k = 0; k < i; k++)
            if (w->plan.places[k].whole && list_good(&w->lists[k]) &&
                strcmp(w->plan.places[k].name, p->name) == 0)
                elsewhere = false;
        *places += elsewhere;
    }
}

// What lists say of files that are not so: each by name, with the digest that tells.
static void differing(const struct offload_work *w, json_t *why)
{
    const struct offload *o = &w->plan;
    int64_t said = 0;
    for (size_t i = 0; i < o->count && said < 5; i++) {
        const struct offload_file *f = &o->files[i];
        for (int k = 0; k < MHL_KINDS && f->differs; k++)
            if (f->wanted[k] && f->digests[k] && strcmp(f->wanted[k], f->digests[k]) != 0) {
                reason(why, "%s is not what %s says: %s was to be %s and is %s", f->path, f->list,
                       mhl_names[k], f->wanted[k], f->digests[k]);
                said++;
                break;
            }
    }
    if (o->differing > said)
        reason(why, "%s more are not what a list on the card says",
               count_text(o->differing - said).text);
}

// Why the card must not be formatted; empty: it may be.
static json_t *reasons(const struct offload_work *w)
{
    const struct offload *o = &w->plan;
    json_t *why = json_array();
    int64_t copies, places;
    count_copies(w, &copies, &places);
    if (w->stopped)
        reason(why, "%s", w->stopped->what);
    if (o->unread)
        reason(why, "%s could not be read, or changed", count_text(o->unread).text);
    differing(w, why);
    if (o->not_there.count)
        reason(why, "a list on the card names %s that it has not, such as %s",
               count_text((int64_t)o->not_there.count).text, o->not_there.at[0]);
    if (w->card.missing.count && !w->policy.anyway)
        reason(why, "the card is not complete: %s is not there", w->card.missing.at[0]);
    if (o->skipped.count)
        reason(why, "links or devices were left out, such as %s", o->skipped.at[0]);
    for (size_t i = 0; i < o->place_count; i++)
        if (!o->places[i].whole || !list_good(&w->lists[i]))
            reason(why, "the copy %s is not whole%s%s", o->places[i].target,
                   o->places[i].problem ? ": " : "",
                   o->places[i].problem ? o->places[i].problem->what : "");
    if (w->house && !w->house_whole)
        reason(why, "the copy in the house is not whole%s%s", w->house_problem ? ": " : "",
               w->house_problem ? w->house_problem->what : "");
    if (copies < w->policy.copies || places < w->policy.places)
        reason(why, "%lld copies in %lld places; asked are %lld in %lld", (long long)copies,
               (long long)places, (long long)w->policy.copies, (long long)w->policy.places);
    return why;
}

static json_t *person_json(const struct command_call *call)
{
    char host[256] = "";
    const char *author = option_text(call, "author");
    const struct passwd *p = author ? NULL : getpwuid(getuid());
    gethostname(host, sizeof(host) - 1);
    return json_pack("{s:s, s:s, s:s}", "person",
                     author ? author
                     : p    ? p->pw_name
                            : "",
                     "host", host, "tool", "posthouse " POSTHOUSE_VERSION);
}

json_t *offload_account(const struct offload_work *w, const json_t *clips)
{
    const struct offload *o = &w->plan;
    json_t *places = json_array(), *files = json_array(), *hashes = json_array();
    int64_t copies, in;
    count_copies(w, &copies, &in);
    for (size_t i = 0; i < o->place_count; i++)
        json_array_append_new(places, place_json(w, i));
    if (w->house)
        json_array_append_new(places,
                              json_pack("{s:s, s:s, s:s, s:b, s:b, s:o?}", "name", "the house",
                                        "disk", "the house", "path", w->house, "named", 1, "whole",
                                        w->house_whole, "problem", problem_json(w->house_problem)));
    for (size_t i = 0; i < o->count; i++)
        if (!o->files[i].folder)
            json_array_append_new(files, file_json(&o->files[i]));
    for (int k = 0; k < MHL_KINDS; k++)
        if (w->kinds[k])
            json_array_append_new(hashes, json_string(mhl_names[k]));
    json_t *why = reasons(w), *list = json_object(), *account;
    json_object_set_new(list, "read", words(o->lists.at, o->lists.count));
    json_object_set_new(list, "not_understood", words(o->not_read.at, o->not_read.count));
    json_object_set_new(list, "not_there", words(o->not_there.at, o->not_there.count));
    json_object_set_new(list, "compared", json_integer(o->compared));
    json_object_set_new(list, "differing", json_integer(o->differing));
    account = json_pack("{s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "kind",
                        "offload", "began", clock_text(w->began_ms).text, "made",
                        clock_text(w->began_ms + w->took_ms).text, "by", person_json(w->call),
                        "card", card_json(w), "took_ms", (json_int_t)w->took_ms, "bytes_a_second",
                        (json_int_t)(w->took_ms > 0 ? o->bytes * 1000 / w->took_ms : 0), "hashes",
                        hashes, "lists", list, "places", places, "clips", clips_json(w, clips),
                        "skipped", words(o->skipped.at, o->skipped.count), "files", files);
    json_object_set_new(account, "policy",
                        json_pack("{s:I, s:I, s:I, s:I}", "copies", (json_int_t)w->policy.copies,
                                  "places", (json_int_t)w->policy.places, "copies_made",
                                  (json_int_t)copies, "places_made", (json_int_t)in));
    json_object_set_new(account, "safe_to_format", json_boolean(!json_array_size(why)));
    json_object_set_new(account, "why", why);
    return account;
}

// ---- the table

static const char *word(const json_t *o, const char *name)
{
    const char *value = json_string_value(json_object_get(o, name));
    return value ? value : "";
}

static int64_t whole(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

static void cell(struct buf *to, const char *value, bool last)
{
    bool quote = strpbrk(value, ",\"\r\n") != NULL;
    if (quote)
        buf_text(to, "\"");
    for (const char *c = value; *c; c++)
        buf_add(to, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
    buf_text(to, quote ? "\"" : "");
    buf_text(to, last ? "\r\n" : ",");
}

static json_t *clip_of_files(const json_t *account)
{
    json_t *of = json_object();
    const json_t *clip, *path;
    size_t i, k;
    json_array_foreach(json_object_get(account, "clips"), i, clip)
        json_array_foreach(json_object_get(clip, "files"), k, path)
            json_object_set(of, json_string_value(path), json_object_get(clip, "name"));
    return of;
}

void offload_table(const json_t *account, struct buf *to)
{
    const json_t *f, *places = json_object_get(account, "places"), *place;
    json_t *clips = clip_of_files(account);
    size_t i, k;
    const char *const heads[] = {"path",
                                 "clip",
                                 "size",
                                 "modified",
                                 "c4",
                                 "md5",
                                 "sha1",
                                 "xxh128",
                                 "xxh3",
                                 "xxh64",
                                 "list on the card",
                                 "same as the list",
                                 "problem"};
    for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        cell(to, heads[i], false);
    cell(to, "copies", true);
    json_array_foreach(json_object_get(account, "files"), i, f)
    {
        const json_t *same = json_object_get(f, "same"),
                     *clip = json_object_get(clips, word(f, "path"));
        char size[32];
        struct buf copies = BUF_LIMIT(64 << 10);
        snprintf(size, sizeof(size), "%lld", (long long)whole(f, "size"));
        cell(to, word(f, "path"), false);
        cell(to, json_is_string(clip) ? json_string_value(clip) : "", false);
        cell(to, size, false);
        cell(to, word(f, "modified"), false);
        for (k = 0; k < MHL_KINDS; k++)
            cell(to, word(f, mhl_names[k]), false);
        cell(to, word(f, "list"), false);
        cell(to, json_is_true(same) ? "yes" : json_is_false(same) ? "NO" : "", false);
        cell(to, word(json_object_get(f, "problem"), "what"), false);
        json_array_foreach(places, k, place) if (json_is_true(json_object_get(place, "whole")))
            buf_format(&copies, "%s%s", copies.size ? "; " : "", word(place, "path"));
        cell(to, copies.at ? copies.at : "", true);
        buf_free(&copies);
    }
    json_decref(clips);
}

// ---- paper

static void print(struct pdf *p, int x, int size, const char *format, ...) PRINTF_LIKE(4, 5);
static void print(struct pdf *p, int x, int size, const char *format, ...)
{
    char line[1200];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof(line), format, list);
    va_end(list);
    pdf_paragraph(p, x, size, line);
}

static void print_words(struct pdf *p, const char *title, const json_t *list)
{
    const json_t *one;
    size_t i;
    if (!json_array_size(list))
        return;
    pdf_space(p, 6);
    print(p, PDF_MARGIN, 11, "%s", title);
    json_array_foreach(list, i, one)
    {
        if (i == LINES_MOST) {
            print(p, PDF_MARGIN + 10, 9, "and %zu more", json_array_size(list) - i);
            break;
        }
        print(p, PDF_MARGIN + 10, 9, "%s", json_string_value(one));
    }
}

static void print_head(struct pdf *p, const json_t *account)
{
    const json_t *card = json_object_get(account, "card"), *by = json_object_get(account, "by"),
                 *lists = json_object_get(account, "lists"), *hash;
    char hashes[100] = "";
    size_t i;
    bool safe = json_is_true(json_object_get(account, "safe_to_format"));
    json_array_foreach(json_object_get(account, "hashes"), i, hash)
    {
        size_t used = strlen(hashes);
        snprintf(hashes + used, sizeof(hashes) - used, "%s%s", used ? ", " : "",
                 json_string_value(hash));
    }
    print(p, PDF_MARGIN, 16, "Offload of %s", word(card, "name"));
    pdf_bar(p, safe ? GREEN : RED, safe ? "SAFE TO FORMAT" : "NOT SAFE TO FORMAT");
    print_words(p, "Why not", json_object_get(account, "why"));
    pdf_space(p, 4);
    print(p, PDF_MARGIN, 10, "%s%s%s files, %s, from %s. %zu clips.", word(card, "title"),
          *word(card, "title") ? ", " : "", count_text(whole(card, "files")).text,
          size_text(whole(card, "bytes")).text, word(card, "path"),
          json_array_size(json_object_get(account, "clips")));
    print(p, PDF_MARGIN, 10, "Began %s, done %s, %s. By %s on %s, %s. Digests: %s.",
          word(account, "began"), word(account, "made"),
          rate_text(whole(account, "bytes_a_second")).text, word(by, "person"), word(by, "host"),
          word(by, "tool"), hashes);
    if (whole(lists, "compared"))
        print(p, PDF_MARGIN, 10, "Lists on the card: %s files compared, %s not the same.",
              count_text(whole(lists, "compared")).text,
              count_text(whole(lists, "differing")).text);
    else
        print(p, PDF_MARGIN, 10, "The card has no digests of its own to compare with.");
}

static void print_places(struct pdf *p, const json_t *account)
{
    const json_t *place;
    size_t i;
    pdf_space(p, 6);
    print(p, PDF_MARGIN, 11, "Copies");
    json_array_foreach(json_object_get(account, "places"), i, place)
    {
        const json_t *problem = json_object_get(place, "problem");
        print(p, PDF_MARGIN + 10, 10, "%s: %s, %s. %s.",
              json_is_true(json_object_get(place, "whole")) ? "Whole" : "NOT WHOLE",
              word(place, "path"), word(place, "name"),
              json_is_true(json_object_get(place, "from_medium"))
                  ? "Read back from the medium"
                  : "Read back; the file system gave no direct reads");
        if (json_is_object(problem))
            print(p, PDF_MARGIN + 20, 9, "%s. %s", word(problem, "what"), word(problem, "why"));
    }
}

static void print_clip(struct pdf *p, const json_t *clip, const struct buf *jpeg)
{
    pdf_room(p, 80);
    pdf_space(p, 8);
    pdf_picture_beside(p, jpeg, 110);
    int x = PDF_MARGIN + (jpeg ? 120 : 10);
    print(p, x, 11, "%s", word(clip, "name"));
    if (whole(clip, "parts") > 1)
        print(p, x, 9, "one clip in %lld parts", (long long)whole(clip, "parts"));
    print(p, x, 9, "%zu files, %s", json_array_size(json_object_get(clip, "files")),
          size_text(whole(clip, "bytes")).text);
    if (*word(clip, "facts"))
        print(p, x, 9, "%s", word(clip, "facts"));
    pdf_clear(p);
}

void offload_paper(const json_t *account, offload_picture *picture, void *context, struct buf *to)
{
    struct pdf *p = pdf_open(to);
    const json_t *card = json_object_get(account, "card"), *one;
    size_t i;
    print_head(p, account);
    print_places(p, account);
    print_words(p, "Missing on the card", json_object_get(card, "missing"));
    print_words(p, "To know", json_object_get(card, "notes"));
    print_words(p, "Left out", json_object_get(account, "skipped"));
    pdf_space(p, 6);
    if (json_array_size(json_object_get(account, "clips")))
        print(p, PDF_MARGIN, 11, "Clips");
    json_array_foreach(json_object_get(account, "clips"), i, one)
        print_clip(p, one, picture(context, word(one, "name")));
    pdf_space(p, 10);
    print(p, PDF_MARGIN, 11, "Files (%s)", word(card, "name"));
    json_array_foreach(json_object_get(account, "files"), i, one)
    {
        const char *digest = "";
        for (int k = MHL_KINDS; k-- > 0 && !*digest;)
            digest = word(one, mhl_names[k]);
        if (i == 2000) {
            print(p, PDF_MARGIN + 10, 8, "and %zu more: see the table",
                  json_array_size(json_object_get(account, "files")) - i);
            break;
        }
        print(p, PDF_MARGIN + 10, 8, "%s  %s  %s%s", word(one, "path"),
              size_text(whole(one, "size")).text, digest,
              json_object_get(one, "problem")               ? "  NOT READ"
              : json_is_false(json_object_get(one, "same")) ? "  NOT AS THE LIST SAYS"
                                                            : "");
    }
    pdf_close(p);
}
