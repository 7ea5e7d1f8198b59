// posthouse traffic: what moves, how fast it may, how much may come.
#include "cmd/client.h"
#include "plat/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool print_json(struct command_call *call, const json_t *json)
{
    if (!option_flag(call, "json"))
        return false;
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
    return true;
}

// 200M, "1.5 Gbit/s", 64k: bits a second.
static bool bits_of(const char *said, int64_t *bits)
{
    char *end;
    double value = strtod(said, &end);
    end += strspn(end, " ");
    double times = *end == 'k' || *end == 'K' ? 1e3 : *end == 'M' ? 1e6 : *end == 'G' ? 1e9 : 1;
    end += times > 1;
    if (end == said || value < 0 || value * times > 1e15 || strspn(end, "bits/") != strlen(end))
        return false;
    *bits = (int64_t)(value * times);
    return true;
}

static const char *bits_text(struct command_call *call, int64_t bits)
{
    return !bits           ? "-"
           : bits >= 1000000000 ? arena_format(call->arena, "%g Gbit/s", (double)bits / 1e9)
           : bits >= 1000000    ? arena_format(call->arena, "%g Mbit/s", (double)bits / 1e6)
                                : arena_format(call->arena, "%g kbit/s", (double)bits / 1e3);
}

// ---- now, and before

static bool now(struct command_call *call, struct house *h, struct error *err)
{
    json_t *all = house_ask(h->client, "GET", NULL, err, "/traffic"), *s;
    size_t i;
    if (!all)
        return false;
    json_t *streams = json_object_get(all, "streams");
    if (!print_json(call, all)) {
        json_array_foreach(streams, i, s) printf(
            "%s  %-8s %-3s %12s  %10s of %-10s p%-3d %-8s %s  %s\n", json_word(s, "id"),
            json_word(s, "kind"), json_word(s, "way"), rate_text(json_count(s, "bytes_s")).text,
            size_text(json_count(s, "done")).text,
            json_count(s, "total") < 0 ? "?" : size_text(json_count(s, "total")).text,
            (int)json_count(s, "priority"),
            json_is_true(json_object_get(s, "paused"))   ? "paused"
            : json_is_true(json_object_get(s, "moving")) ? "moves"
                                                         : "rests",
            json_word(s, "who"), json_word(s, "title"));
        if (!json_array_size(streams))
            printf("Nothing moves.\n");
    }
    json_decref(all);
    return true;
}

static bool history(struct command_call *call, struct house *h, struct error *err)
{
    json_t *all = house_ask(h->client, "GET", NULL, err, "/traffic/history"), *m;
    size_t i;
    if (!all)
        return false;
    if (!print_json(call, all)) {
        json_array_foreach(all, i, m)
        {
            int64_t files = json_count(m, "files");
            printf("%.19s  %-8s %-3s %-5s %10s  peak %-12s %s  %s%s\n", json_word(m, "ended"),
                   json_word(m, "kind"), json_word(m, "way"), json_word(m, "via"),
                   size_text(json_count(m, "bytes")).text, rate_text(json_count(m, "peak_bytes_s")).text, json_word(m, "who"),
                   json_word(m, "title"),
                   !files ? ""
                          : arena_format(call->arena, "  %lld of %lld files verified",
                                         (long long)json_count(m, "verified"), (long long)files));
        }
        if (!json_array_size(all))
            printf("Nothing has moved.\n");
    }
    json_decref(all);
    return true;
}

static bool changed(struct command_call *call, struct house *h, json_t *body, struct error *err)
{
    json_t *said = house_ask(h->client, "PATCH", body, err, "/traffic/%s", call->words[1]);
    json_decref(body);
    json_decref(said);
    return said != NULL;
}

static bool pause(struct command_call *call, struct house *h, struct error *err)
{
    return changed(call, h, json_pack("{s:b}", "paused", 1), err);
}

static bool go_on(struct command_call *call, struct house *h, struct error *err)
{
    return changed(call, h, json_pack("{s:b}", "paused", 0), err);
}

static bool priority(struct command_call *call, struct house *h, struct error *err)
{
    int64_t value;
    if (!text_int(text_of(call->words[2]), &value))
        return error_set(err, ERROR_USAGE, "a priority is 0 to 100");
    return changed(call, h, json_pack("{s:I}", "priority", (json_int_t)value), err);
}

// ---- caps

static void print_cap(struct command_call *call, const json_t *c)
{
    static const char names[] = "Mon\0Tue\0Wed\0Thu\0Fri\0Sat\0Sun";
    int64_t days = json_count(c, "days"), from = json_count(c, "from"), to = json_count(c, "to");
    char when[64] = "";
    for (int i = 0; i < 7 && days != 127; i++)
        if (days >> i & 1)
            snprintf(when + strlen(when), sizeof(when) - strlen(when), "%s%s", *when ? "," : "",
                     names + (ptrdiff_t)i * 4);
    if (from != to)
        snprintf(when + strlen(when), sizeof(when) - strlen(when), "%s%02d:%02d-%02d:%02d",
                 *when ? " " : "", (int)from / 60, (int)from % 60, (int)to / 60, (int)to % 60);
    printf("%s  %-8s in %-12s out %-12s %-5s %-30s counted in %s, out %s  %s\n", json_word(c, "id"), json_word(c, "scope"),
           bits_text(call, json_count(c, "in_bits")), bits_text(call, json_count(c, "out_bits")),
           json_is_true(json_object_get(c, "now")) ? "now" : "later", *when ? when : "always",
           size_text(json_count(c, "in_bytes")).text, size_text(json_count(c, "out_bytes")).text,
           json_word(c, "name"));
}

static bool caps_shown(struct command_call *call, json_t *all)
{
    json_t *one;
    size_t i;
    if (!all)
        return false;
    if (!print_json(call, all)) {
        json_array_foreach(all, i, one) print_cap(call, one);
        if (!json_array_size(all))
            printf("Nothing is limited.\n");
    }
    json_decref(all);
    return true;
}

static bool caps(struct command_call *call, struct house *h, struct error *err)
{
    return caps_shown(call, house_ask(h->client, "GET", NULL, err, "/caps"));
}

// "project NAME" and so on: the id; "" for the line.
static const char *subject_of(struct command_call *call, struct house *h, const char *scope,
                              const char *named, struct error *err)
{
    const char *id = strcmp(scope, "link") == 0 ? named : NULL;
    json_t *list, *one;
    size_t i;
    if (strcmp(scope, "line") == 0)
        return "";
    if (strcmp(scope, "project") == 0) {
        json_t *project = house_project(h->client, named, err);
        id = project ? arena_text(call->arena, json_word(project, "id")) : NULL;
        json_decref(project);
        return id;
    }
    if (strcmp(scope, "person") == 0) {
        list = house_ask(h->client, "GET", NULL, err, "/people");
        json_array_foreach(list, i, one) if (strcmp(json_word(one, "email"), named) == 0 ||
                                             strcmp(json_word(one, "id"), named) == 0) id =
            arena_text(call->arena, json_word(one, "id"));
        json_decref(list);
        if (list && !id)
            error_set(err, ERROR_NOT_FOUND, "there is nobody with the e-mail %s", named);
        return id;
    }
    if (!id) {
        error_set(err, ERROR_USAGE, "'%s' can not be limited", scope);
        error_fix(err, "write line, project NAME, person E-MAIL or link ID");
    }
    return id;
}

static bool days_of(const char *said, int64_t *days)
{
    static const char *const names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    *days = 0;
    for (text rest = text_of(said); rest.size;) {
        text span = text_trim(text_cut(&rest, ',')), last = span, first = text_cut(&last, '-');
        int from = -1, to = -1;
        for (int i = 0; i < 7; i++) {
            from = text_is(first, names[i]) ? i : from;
            to = text_is(last.size ? last : first, names[i]) ? i : to;
        }
        if (from < 0 || to < 0)
            return false;
        for (int i = from;; i = (i + 1) % 7) {
            *days |= 1 << i;
            if (i == to)
                break;
        }
    }
    return *days != 0;
}

static bool minute_of(const char *said, int64_t *minute)
{
    text m = text_of(said), hour = text_cut(&m, ':');
    int64_t hours, minutes = 0;
    if (!text_int(hour, &hours) || (m.size && !text_int(m, &minutes)) || hours < 0 || hours > 24 ||
        minutes < 0 || minutes > 59)
        return false;
    *minute = hours * 60 + minutes;
    return *minute <= 24 * 60;
}

static bool cap(struct command_call *call, struct house *h, struct error *err)
{
    const char *in = option_text(call, "in"), *out = option_text(call, "out");
    const char *days = option_text(call, "days"), *from = option_text(call, "from");
    const char *to = option_text(call, "to");
    int64_t in_bits = 0, out_bits = 0, day_bits = 127, from_minute = 0, to_minute = 0;
    const char *subject = subject_of(call, h, call->words[1],
                                     call->word_count > 2 ? call->words[2] : "", err);
    if (!subject)
        return false;
    if ((in && !bits_of(in, &in_bits)) || (out && !bits_of(out, &out_bits))) {
        error_set(err, ERROR_USAGE, "this rate can not be read");
        return error_fix(err, "write bits a second: 200M, 1.5G, 500k");
    }
    if ((days && !days_of(days, &day_bits)) || (from && !minute_of(from, &from_minute)) ||
        (to && !minute_of(to, &to_minute))) {
        error_set(err, ERROR_USAGE, "this time can not be read");
        return error_fix(err, "write --days Mon-Fri --from 09:00 --to 18:00");
    }
    json_t *body = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "scope", call->words[1],
                             "subject", subject, "in_bits", (json_int_t)in_bits, "out_bits",
                             (json_int_t)out_bits, "days", (json_int_t)day_bits, "from",
                             (json_int_t)from_minute, "to", (json_int_t)to_minute);
    json_t *all = house_ask(h->client, "POST", body, err, "/caps");
    json_decref(body);
    return caps_shown(call, all);
}

static bool uncap(struct command_call *call, struct house *h, struct error *err)
{
    return caps_shown(call, house_ask(h->client, "DELETE", NULL, err, "/caps/%s", call->words[1]));
}

// ---- quotas

static bool quotas_shown(struct command_call *call, json_t *all)
{
    json_t *q;
    size_t i;
    if (!all)
        return false;
    if (!print_json(call, all)) {
        json_array_foreach(all, i, q) printf(
            "%-8s %10s of %-10s %s\n", json_word(q, "scope"), size_text(json_count(q, "used")).text,
            size_text(json_count(q, "bytes")).text, json_word(q, "name"));
        if (!json_array_size(all))
            printf("There are no quotas: what fits on the disk may come.\n");
    }
    json_decref(all);
    return true;
}

static bool quotas(struct command_call *call, struct house *h, struct error *err)
{
    return quotas_shown(call, house_ask(h->client, "GET", NULL, err, "/quotas"));
}

static bool quota(struct command_call *call, struct house *h, struct error *err)
{
    bool line = strcmp(call->words[1], "line") == 0;
    const char *named = line || call->word_count < 4 ? "" : call->words[2];
    const char *size = call->words[call->word_count - 1];
    int64_t bytes = 0;
    const char *subject = subject_of(call, h, call->words[1], named, err);
    if (!subject)
        return false;
    if (strcmp(size, "0") != 0 && !config_size(text_of(size), &bytes)) {
        error_set(err, ERROR_USAGE, "a quota can not be '%s'", size);
        return error_fix(err, "write 500 GB, or 0 for none");
    }
    json_t *body = json_pack("{s:s, s:s, s:I}", "scope", call->words[1], "subject", subject, "bytes",
                             (json_int_t)bytes);
    json_t *all = house_ask(h->client, "PUT", body, err, "/quotas");
    json_decref(body);
    return quotas_shown(call, all);
}

static int run(struct command_call *call)
{
    static const struct {
        const char *name;
        bool (*run)(struct command_call *call, struct house *h, struct error *err);
        size_t words;
    } verbs[] = {{"now", now, 0},       {"history", history, 1}, {"pause", pause, 2},
                 {"go-on", go_on, 2},   {"priority", priority, 3}, {"caps", caps, 1},
                 {"cap", cap, 2},       {"uncap", uncap, 2},     {"quotas", quotas, 1},
                 {"quota", quota, 3}};
    struct error err;
    struct house h = {0};
    const char *verb = call->word_count ? call->words[0] : "now";
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verbs[i].name, verb) != 0 || call->word_count < verbs[i].words)
            continue;
        bool ok = house_open(call, 1, &h, &err) && verbs[i].run(call, &h, &err);
        house_close(&h);
        return ok ? 0 : command_failed(&err);
    }
    error_set(&err, ERROR_USAGE, "posthouse traffic does not know '%s'", verb);
    error_fix(&err, "`posthouse traffic --help` lists what it does");
    return command_failed(&err);
}

static const struct option_row options[] = {
    {"in", OPTION_TEXT, "RATE", "cap: bits a second into the house, as 200M"},
    {"out", OPTION_TEXT, "RATE", "cap: bits a second out of it"},
    {"days", OPTION_TEXT, "DAYS", "cap: Mon-Fri, or Sat,Sun (every day)"},
    {"from", OPTION_TEXT, "TIME", "cap: 09:00, the house's own time (all day)"},
    {"to", OPTION_TEXT, "TIME", "cap: 18:00; before --from: into the next day"},
    {"json", OPTION_FLAG, NULL, "print JSON, for scripts"},
    CLIENT_OPTIONS,
    {0},
};
const struct command command_traffic = {
    "traffic",
    "[now] | history | pause ID | go-on ID | priority ID 0-100 | caps | cap WHAT... | uncap ID | "
    "quotas | quota WHAT... SIZE",
    "what moves in and out of the house, how fast it may, and how much may come",
    "WHAT is: line (all of the house), project NAME, person E-MAIL, or link ID. Caps are in bits a "
    "second and\ncount at once, for what is under way too; of several that hold the narrowest "
    "counts. Among transfers that\nshare a cap the one with the higher priority goes first (50 is "
    "usual, pictures on the page have 80).\nA quota counts what is there, or was brought in, and "
    "what is on its way.",
    options,
    0,
    0,
    run,
};
