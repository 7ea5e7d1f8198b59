// posthouse deliver: an asset made into a profile by the house, checked, and taken out.
#include "cmd/client.h"
#include "cmd/progress.h"
#include "cmd/take_out.h"
#include "plat/clock.h"
#include "plat/ids.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 300 };

struct delivering {
    struct command_call *call;
    struct house house;
    bool json;
    char version[27], delivery[27];
    json_t *made; // Delivery
};

// ---- waiting

static void show_job(struct delivering *d, const char *job, struct progress *bar)
{
    struct error ignored;
    json_t *j = job[0] ? house_ask(d->house.client, "GET", NULL, &ignored, "/jobs/%s", job) : NULL;
    if (j && strcmp(json_word(j, "state"), "running") == 0)
        progress_show(bar, json_count(j, "done"), json_count(j, "total"));
    json_decref(j);
}

static bool problem_of(const json_t *thing, const char *otherwise, struct error *err)
{
    const json_t *p = json_object_get(thing, "problem");
    error_set(err, error_kind_named(json_word(p, "kind")), "%s",
              json_word(p, "title")[0] ? json_word(p, "title") : otherwise);
    error_why(err, "%s", json_word(p, "detail"));
    return error_fix(err, "%s", json_word(p, "fix"));
}

// Something that was brought in just now has to be looked at before it can be made into anything.
static bool wait_for_facts(struct delivering *d, struct error *err)
{
    struct progress bar = progress_begin("Looking at it", "frames", d->json);
    bool known = false, ok = true;
    while (ok && !known) {
        json_t *v = house_ask(d->house.client, "GET", NULL, err, "/versions/%s", d->version);
        const char *state = json_word(v, "state");
        ok = v != NULL;
        known = strcmp(state, "ready") == 0 || strcmp(state, "proxying") == 0;
        if (ok && !known && strcmp(state, "failed") == 0)
            ok = problem_of(v, "the house could not look into it", err);
        if (ok && !known) {
            show_job(d, json_word(v, "job"), &bar);
            clock_sleep_ms(LOOK_MS);
        }
        json_decref(v);
    }
    progress_end(&bar);
    return ok;
}

// The id of a destination by its id or name.
static const char *destination_of(struct delivering *d, const char *named, struct error *err)
{
    const char *found = NULL;
    json_t *all = house_ask(d->house.client, "GET", NULL, err, "/destinations"), *one;
    size_t i;
    json_array_foreach(all, i, one) if (strcmp(json_word(one, "id"), named) == 0 ||
                                        strcmp(json_word(one, "name"), named) == 0) found =
        arena_text(d->call->arena, json_word(one, "id"));
    if (all && !found) {
        error_set(err, ERROR_NOT_FOUND, "there is no destination \"%s\"", named);
        error_fix(err, "`posthouse destination list` shows them");
    }
    json_decref(all);
    return found;
}

// What is asked of the sound.
static void add_wishes(const struct delivering *d, json_t *body)
{
    static const char *const names[] = {"map", "loudness", "limiter", "conform", "pitch"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (option_text(d->call, names[i]))
            json_object_set_new(body, names[i], json_string(option_text(d->call, names[i])));
}

static bool ask_for_it(struct delivering *d, const char *profile, struct error *err)
{
    char path[96];
    id key = id_new(); // repeating it counts once
    struct client_header header = {"Idempotency-Key", key.text};
    const char *to = option_text(d->call, "to"), *destination = NULL;
    if (to && !(destination = destination_of(d, to, err)))
        return false;
    json_t *body = json_pack("{s:s, s:s*, s:s*, s:s*, s:s*}", "profile", profile, "destination",
                             destination, "burn", option_text(d->call, "burn"), "mastering_display",
                             option_text(d->call, "mastering-display"), "light",
                             option_text(d->call, "light"));
    add_wishes(d, body);
    char *written = body ? json_dumps(body, JSON_COMPACT) : NULL;
    if (!written)
        return error_set(err, ERROR_INPUT, "a profile's name must be UTF-8");
    snprintf(path, sizeof(path), "/api/v1/versions/%s/deliveries", d->version);
    struct call call = {.path = path,
                        .headers = &header,
                        .header_count = 1,
                        .body = text_of(written),
                        .repeatable = true};
    struct reply reply;
    bool ok = client_call(d->house.client, &call, d->call->arena, &reply, err);
    if (ok) {
        d->made = json_loadb(reply.body.at, reply.body.size, 0, NULL);
        ok = text_copy(text_of(json_word(d->made, "id")), d->delivery, sizeof(d->delivery)) &&
             d->delivery[0];
        ok = ok || error_set(err, ERROR_NETWORK, "cannot understand the house's answer");
    }
    free(written);
    json_decref(body);
    return ok;
}

static bool wait_until_made(struct delivering *d, struct error *err)
{
    char name[256];
    text_copy(text_of(json_word(d->made, "name")), name, sizeof(name));
    struct progress bar = progress_begin(name, "parts", d->json);
    bool ok = true;
    while (ok && strcmp(json_word(d->made, "state"), "done") != 0) {
        if (strcmp(json_word(d->made, "state"), "failed") == 0) {
            ok = problem_of(d->made, "it could not be made", err);
            break;
        }
        show_job(d, json_word(d->made, "job"), &bar);
        clock_sleep_ms(LOOK_MS);
        json_t *now = house_ask(d->house.client, "GET", NULL, err, "/deliveries/%s", d->delivery);
        ok = now != NULL;
        if (ok) {
            json_decref(d->made);
            d->made = now;
        }
    }
    progress_end(&bar);
    return ok;
}

// ---- taking it out

// Said as soon as the house has named it: what is there already is no reason to make anything.
static bool place(struct delivering *d, const char *folder, const char **final, struct error *err)
{
    struct error ignored;
    if (take_out_place(d->call, d->made, folder, option_flag(d->call, "overwrite"), final, err))
        return true;
    json_decref(house_ask(d->house.client, "POST", NULL, &ignored, "/jobs/%s/cancel",
                          json_word(d->made, "job")));
    return false;
}

// ---- sending it

// Until it is there; what keeps it here is the error.
static bool wait_until_sent(struct delivering *d, struct error *err)
{
    const char *to = option_text(d->call, "to");
    struct progress bar = progress_begin(to, "bytes", d->json);
    bool ok = true, over = false;
    while (ok && !over) {
        json_t *now = house_ask(d->house.client, "GET", NULL, err, "/deliveries/%s", d->delivery);
        const json_t *s = json_array_get(json_object_get(now, "sendings"), 0);
        const char *state = json_word(s, "state");
        ok = now != NULL;
        if (ok && strcmp(json_word(now, "standing"), "kept") == 0) {
            ok = error_set(err, ERROR_CONFLICT, "it was not sent to %s", to);
            error_why(err, "%s", json_word(now, "said"));
        } else if (strcmp(state, "failed") == 0) {
            ok = problem_of(s, "it could not be sent", err);
        } else if (ok) {
            over = strcmp(state, "sent") == 0 || strcmp(state, "ready") == 0;
            show_job(d, json_word(s, "job"), &bar);
        }
        if (over) {
            json_decref(d->made);
            d->made = json_incref(now);
        }
        json_decref(now);
        if (ok && !over)
            clock_sleep_ms(LOOK_MS);
    }
    progress_end(&bar);
    return ok;
}

// ---- telling

static bool print_checks(const json_t *made, bool quiet)
{
    size_t i;
    const json_t *c;
    bool all = true;
    json_array_foreach(json_object_get(made, "checks"), i, c)
    {
        bool ok = json_is_true(json_object_get(c, "ok"));
        all = all && ok;
        if (!quiet)
            printf("  %-4s %-24s wanted %-28s seen %s\n", ok ? "ok" : "NO", json_word(c, "what"),
                   json_word(c, "wanted"), json_word(c, "seen"));
    }
    return all;
}

static bool deliver(struct delivering *d, const char *profile, const char **final,
                    struct error *err)
{
    if (!house_open(d->call, 2, &d->house, err))
        return false;
    json_t *asset = house_asset(d->house.client, d->call->arena, d->call->words[0], err);
    if (!asset)
        return false;
    text_copy(text_of(json_word(json_object_get(asset, "version"), "id")), d->version,
              sizeof(d->version));
    json_decref(asset);
    const char *out = option_text(d->call, "out");
    if (!out && option_text(d->call, "to")) {
        *final = NULL;
        return wait_for_facts(d, err) && ask_for_it(d, profile, err) && wait_until_made(d, err) &&
               wait_until_sent(d, err);
    }
    out = out ? out : ".";
    return wait_for_facts(d, err) && ask_for_it(d, profile, err) && place(d, out, final, err) &&
           wait_until_made(d, err) &&
           take_out(d->call, &d->house, d->made, out, option_flag(d->call, "overwrite"), err);
}

static int run(struct command_call *call)
{
    struct delivering d = {.call = call, .json = option_flag(call, "json")};
    struct error err;
    const char *profile = option_text(call, "profile"), *final = NULL;
    if (!profile) {
        error_set(&err, ERROR_USAGE, "deliver needs --profile");
        error_fix(&err, "`posthouse profile list` shows them");
        return command_failed(&err);
    }
    bool ok = deliver(&d, profile, &final, &err), all = false;
    const json_t *sent = json_array_get(json_object_get(d.made, "sendings"), 0);
    if (ok && !d.json)
        printf("%s\n", final ? final
                       : *json_word(sent, "place")
                           ? json_word(sent, "place")
                           : "ready to be fetched or brought: see the page");
    if (ok && !d.json)
        take_out_print(d.made);
    if (ok)
        all = print_checks(d.made, d.json);
    if (ok && d.json) {
        if (final)
            json_object_set_new(d.made, "path", json_string(final));
        json_dumpf(d.made, stdout, JSON_INDENT(2));
        printf("\n");
    } else if (ok && !all) {
        printf("not every check is ok: look before you send it\n");
    }
    json_decref(d.made);
    house_close(&d.house);
    return !ok ? command_failed(&err) : all ? 0 : 1;
}

static const struct option_row options[] = {
    {"profile", OPTION_TEXT, "NAME", "what to make (`posthouse profile list`)"},
    {"to", OPTION_TEXT, "NAME", "send it to this destination (`posthouse destination list`)"},
    {"map", OPTION_TEXT, "MAP", "which channels become which tracks: `5.1=1-6 stereo=7,8`"},
    {"loudness", OPTION_TEXT, "HOW", "`report`, or `gain`: raise or lower the sound to the target"},
    {"limiter", OPTION_TEXT, "NAME", "NAME consents to a true-peak limiter; the report says so"},
    {"conform", OPTION_TEXT, "RATE",
     "show all frames at this rate (25, 23.976), the sound as much faster or slower"},
    {"pitch", OPTION_TEXT, "HOW", "of such sound: `follow` the speed, or `keep` it by stretching"},
    {"out", OPTION_TEXT, "DIR",
     "where the file, or the folder of files, goes (the current folder)"},
    {"burn", OPTION_TEXT, "WHAT", "into the picture, as `posthouse transcode --burn`"},
    {"mastering-display", OPTION_TEXT, "DISPLAY",
     "what an HDR master was graded on, as the colourist says: \"p3-d65 1000 0.0001\""},
    {"light", OPTION_TEXT, "LEVELS", "MaxCLL and MaxFALL of an HDR master in cd/m2: 1000,400"},
    {"overwrite", OPTION_FLAG, NULL, "replace what has that name"},
    {"json", OPTION_FLAG, NULL, "print the delivery and its checks as JSON"},
    CLIENT_OPTIONS,
    {0},
};
const struct command command_deliver = {
    "deliver",
    "ASSET",
    "make an asset into a deliverable and take it out",
    "ASSET is an id, or PROJECT/FOLDER/NAME. The house's workers make it by the profile; the "
    "result "
    "is probed\nand compared with the source and the profile; the file is taken out and proven by "
    "its hash.\nA ladder, or stems, are a folder of files, which gets its name when all of them "
    "are "
    "there; captions\nof the film lie beside a film as its profile asks. `posthouse get DELIVERY` "
    "takes it out again.\nExit status 1: it was made, but a check is not ok.",
    options,
    1,
    1,
    run,
};
