// The verbs and what all providers share.
#include "cloud/cloud.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

enum { NAMES_MOST = 5000, SETTINGS_MOST = 64, BOOT_MOST = 12 << 10 };

static const struct setting own[] = {
    {.name = "house",
     .type = SETTING_TEXT,
     .value = "",
     .help = "the house's name, in the tag of its machines"},
    {.name = "boot.file",
     .type = SETTING_TEXT,
     .value = "",
     .help = "script that a new machine runs; @NAME@ becomes its name"},
    {.name = "ca.file",
     .type = SETTING_TEXT,
     .value = "",
     .help = "PEM of who is trusted; empty: the system's"},
};
enum { OWN = sizeof(own) / sizeof(own[0]) };

// ---- what providers use

bool cloud_call(struct cloud *c, const char *base, const struct call *call, bool metadata,
                struct reply *reply, struct error *err)
{
    const char *ca = config_text(c->config, "ca.file");
    struct client_wish wish = {.url = base,
                               .ca_file = ca[0] ? ca : NULL,
                               .lines = 1,
                               .connect_timeout_ms = metadata ? 1000 : 10000,
                               .stall_timeout_s = metadata ? 2 : 60,
                               .attempts = metadata ? 1 : 4};
    struct client *client = client_open(&wish, err);
    struct call asked = *call;
    asked.any_status = true;
    asked.answer_limit = (size_t)64 << 20;
    bool ok = client && client_call(client, &asked, c->arena, reply, err);
    client_close(client);
    return ok;
}

bool cloud_refused(const char *doing, int status, const char *code, const char *message,
                   struct error *err)
{
    enum error_kind kind = status == 401 || status == 403 ? ERROR_DENIED
                           : status == 404                ? ERROR_NOT_FOUND
                           : status == 429                ? ERROR_TOO_MANY
                           : status >= 500                ? ERROR_NETWORK
                                                          : ERROR_CONFLICT;
    const char *fix =
        kind == ERROR_DENIED      ? "look whether the key is right and may do this"
        : kind == ERROR_NOT_FOUND ? "look whether the names in the settings are there"
        : kind == ERROR_TOO_MANY  ? "wait, or ask the provider for a higher limit"
        : kind == ERROR_NETWORK   ? "try again; when it stays so, see how the provider is"
                                  : "see what the provider says, and mend the settings";
    error_set(err, kind, "%s", doing);
    error_why(err, "%s said %d %s%s%.400s", provider.name, status, code,
              code[0] && message[0] ? ": " : "", message);
    return error_fix(err, "%s", fix);
}

bool cloud_file(struct cloud *c, const char *path, const char *what, const char **content,
                struct error *err)
{
    struct buf b = BUF_LIMIT(64 << 10);
    bool ok = file_read(path, &b, err);
    if (ok) {
        text t = text_trim((text){b.at ? b.at : "", b.size});
        *content = arena_copy(c->arena, t.at, t.size);
        ok = t.size || error_set(err, ERROR_INPUT, "there is no %s in %s", what, path);
    }
    buf_free(&b);
    return ok;
}

const char *cloud_base64(struct arena *a, const void *at, size_t size, bool url)
{
    char *out = arena_take(a, (size + 2) / 3 * 4 + 1);
    int n = EVP_EncodeBlock((unsigned char *)out, at, (int)size);
    for (int i = 0; url && i < n; i++)
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    while (url && n > 0 && out[n - 1] == '=')
        out[--n] = 0;
    return out;
}

// ---- the verbs

struct asked {
    const char *names[NAMES_MOST];
    size_t count;
};

static const struct machine *named(const struct machine *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0 && strcmp(list[i].state, "leaving") != 0)
            return &list[i];
    return NULL;
}

static void print_machine(const struct machine *m)
{
    printf("%s %s %s %lld %s\n", m->name, m->id, m->state, (long long)(m->began_ms / 1000),
           m->type[0] ? m->type : "-");
    fflush(stdout);
}

static bool boot_script(struct cloud *c, const char *name, const char **boot, struct error *err)
{
    const char *path = config_text(c->config, "boot.file"), *plain;
    struct buf b = BUF_LIMIT(BOOT_MOST);
    *boot = "";
    if (!path[0])
        return true;
    if (!cloud_file(c, path, "script", &plain, err))
        return false;
    for (const char *at = plain; *at;)
        if (strncmp(at, "@NAME@", 6) == 0) {
            buf_text(&b, name);
            at += 6;
        } else {
            buf_add(&b, at++, 1);
        }
    *boot = arena_copy(c->arena, b.at ? b.at : "", b.size);
    bool ok =
        !b.over || error_set(err, ERROR_TOO_BIG, "the script %s is over %d bytes", path, BOOT_MOST);
    buf_free(&b);
    return ok;
}

// One that can not be made does not keep the others from being made.
static bool up(struct cloud *c, const struct asked *n, struct error *err)
{
    struct machine *list, made;
    size_t count;
    bool all = true;
    if (!provider.list(c, &list, &count, err))
        return false;
    for (size_t i = 0; i < n->count; i++) {
        const struct machine *there = named(list, count, n->names[i]);
        const char *boot;
        struct error why;
        if (there) {
            print_machine(there);
        } else if (boot_script(c, n->names[i], &boot, &why) &&
                   provider.up(c, n->names[i], boot, &made, &why)) {
            print_machine(&made);
        } else {
            fprintf(stderr, "%s: %s: %s\n", n->names[i], why.what, why.why);
            all = false;
            *err = why;
        }
    }
    return all;
}

static bool down(struct cloud *c, const struct asked *n, struct error *err)
{
    struct machine *list;
    size_t count;
    bool all = true;
    if (!provider.list(c, &list, &count, err))
        return false;
    for (size_t i = 0; i < n->count; i++)
        for (size_t k = 0; k < count; k++) {
            struct error why;
            if (strcmp(list[k].name, n->names[i]) != 0 || strcmp(list[k].state, "leaving") == 0 ||
                provider.down(c, &list[k], &why))
                continue;
            fprintf(stderr, "%s: %s: %s\n", n->names[i], why.what, why.why);
            all = false;
            *err = why;
        }
    return all;
}

static bool list(struct cloud *c, const struct asked *n, struct error *err)
{
    struct machine *all;
    size_t count;
    (void)n;
    if (!provider.list(c, &all, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        print_machine(&all[i]);
    return true;
}

static bool notice(struct cloud *c, const struct asked *n, struct error *err)
{
    const char *said = NULL;
    (void)n;
    if (!provider.notice(c, &said, err))
        return false;
    if (said)
        printf("%s\n", said);
    return true;
}

static const struct {
    const char *word;
    bool (*run)(struct cloud *c, const struct asked *n, struct error *err);
    bool wants_names, wants_house;
} verbs[] = {{"up", up, true, true},
             {"down", down, true, true},
             {"list", list, false, true},
             {"notice", notice, false, false}};
enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static bool read_config(struct cloud *c, const char *path, bool wants_house, struct error *err)
{
    struct buf b = BUF_LIMIT(1 << 20);
    bool ok = path ? file_read(path, &b, err) &&
                         config_read(c->config, path, (text){b.at ? b.at : "", b.size}, err)
                   : true;
    buf_free(&b);
    c->house = config_text(c->config, "house");
    if (ok && wants_house && !host_name(text_of(c->house))) {
        error_set(err, ERROR_USAGE, "the house's name is not set");
        ok = error_fix(
            err, "say --config FILE with a line `house = NAME` (`posthouse nodes` calls it so)");
    }
    return ok;
}

static int failed(const struct error *err)
{
    fprintf(stderr, "posthouse-cloud-%s: %s\n", provider.name, err->what);
    if (err->why[0])
        fprintf(stderr, "  why: %s\n", err->why);
    if (err->fix[0])
        fprintf(stderr, "  fix: %s\n", err->fix);
    return error_facts(err->kind)->exit_status;
}

static bool take_names(struct cloud *c, int argc, char **argv, struct asked *n, const char **config,
                       struct error *err)
{
    for (int i = 2; i < argc; i++) {
        size_t more;
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            *config = argv[++i];
        else if (strncmp(argv[i], "--config=", 9) == 0)
            *config = argv[i] + 9;
        else if (hosts_expand(c->arena, text_of(argv[i]), n->names + n->count,
                              NAMES_MOST - n->count, &more, err))
            n->count += more;
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct setting all[SETTINGS_MOST];
    struct cloud c = {.arena = arena_open((size_t)1 << 30)};
    static struct asked n;
    struct error err;
    const char *config = getenv("POSTHOUSE_CLOUD"), *word = argc > 1 ? argv[1] : "";
    size_t v = 0;
    signal(SIGPIPE, SIG_IGN);
    memcpy(all, own, sizeof(own));
    memcpy(all + OWN, provider.settings, provider.setting_count * sizeof(*all));
    c.config = config_open(all, OWN + provider.setting_count);
    while (v < VERBS && strcmp(verbs[v].word, word) != 0)
        v++;
    bool ok = v < VERBS && take_names(&c, argc, argv, &n, &config, &err);
    if (v == VERBS || (ok && (n.count > 0) != verbs[v].wants_names)) {
        ok = error_set(&err, ERROR_USAGE,
                       "its form is: up NAME... | down NAME... | list | notice [--config FILE]");
        for (size_t i = 0; i < config_count(c.config); i++)
            fprintf(stderr, "  %-18s %s\n", config_row(c.config, i)->name,
                    config_row(c.config, i)->help);
    }
    ok = ok && read_config(&c, config, verbs[v].wants_house, &err) && verbs[v].run(&c, &n, &err);
    int status = ok ? 0 : failed(&err);
    config_close(c.config);
    arena_close(c.arena);
    return status;
}
