// posthouse user: people of the house, straight in its state; works beside a running house too.
#include "cmd/command.h"
#include "cmd/state.h"
#include "house/people/people.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct state {
    struct command_call *call;
    struct db *db;
    struct people *people;
    struct error err;
};

static bool open_state(struct state *s)
{
    char path[PATH_MAX];
    const char *folder = config_text(s->call->config, "house.folder");
    snprintf(path, sizeof(path), "%s/house.db", folder);
    struct stat facts;
    if (stat(path, &facts) != 0) {
        error_set(&s->err, ERROR_NOT_FOUND, "there is no house in %s", folder);
        return error_fix(&s->err,
                         "start it once with `posthouse serve`, or name it: --house.folder=DIR");
    }
    s->db = state_open(s->call->config, path, 1, &s->err);
    s->people = s->db ? people_open(&(struct people_wish){.db = s->db}, &s->err) : NULL;
    return s->people != NULL;
}

// Where people reach the page; the token rides behind the #, which no server sees.
static void print_link(struct state *s, const char *token)
{
    struct config *c = s->call->config;
    char host[256];
    snprintf(host, sizeof(host), "%s", config_text(c, "listen"));
    if ((strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0) &&
        gethostname(host, sizeof(host)) != 0)
        snprintf(host, sizeof(host), "localhost");
    bool six = strchr(host, ':') != NULL;
    printf("%s://%s%s%s:%lld/welcome#%s\n", config_bool(c, "tls") ? "https" : "http",
           six ? "[" : "", host, six ? "]" : "", (long long)config_int(c, "port"), token);
}

static bool find(struct state *s, const char *email, const char **id)
{
    if (!people_by_email(s->people, email, s->call->arena, id, &s->err))
        return false;
    if (*id)
        return true;
    error_set(&s->err, ERROR_NOT_FOUND, "there is nobody with the e-mail %s", email);
    return error_fix(&s->err, "see `posthouse user list`");
}

static bool add(struct state *s, const char *email)
{
    char id[27], token[44], name[256];
    const char *given = option_text(s->call, "name");
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(email, "@"), email);
    if (!people_add(s->people, given ? given : name, email, option_flag(s->call, "admin"), NULL,
                    "command line", id, token, &s->err))
        return false;
    fprintf(stderr, "%s is in. This link sets the password, once, within 14 days:\n", email);
    print_link(s, token);
    return true;
}

static bool relink(struct state *s, const char *email)
{
    const char *id;
    char token[44];
    if (!find(s, email, &id) || !people_link(s->people, id, NULL, "command line", token, &s->err))
        return false;
    fprintf(stderr, "This link sets a new password for %s, once, within 14 days:\n", email);
    print_link(s, token);
    return true;
}

static bool change(struct state *s, const char *email, int disabled)
{
    const char *id;
    return find(s, email, &id) &&
           people_change(s->people, id, &(struct person_change){NULL, -1, disabled}, NULL,
                         "command line", &s->err);
}

static bool disable(struct state *s, const char *email)
{
    return change(s, email, 1);
}

static bool enable(struct state *s, const char *email)
{
    return change(s, email, 0);
}

static bool token(struct state *s, const char *email)
{
    const char *id, *name = option_text(s->call, "name"), *scope = option_text(s->call, "scope");
    char made[27], secret[44];
    int64_t days;
    if (!option_int(s->call, "days", 0, &days))
        return error_set(&s->err, ERROR_USAGE, "no token was made");
    if (!find(s, email, &id) ||
        !token_make(s->people, id, name ? name : "command line", scope ? scope : "all", days, true,
                    "command line", made, secret, &s->err))
        return false;
    fprintf(stderr, "The token is shown this once:\n");
    printf("%s\n", secret);
    return true;
}

static bool reset(struct state *s, const char *email)
{
    const char *id;
    if (!find(s, email, &id) || !factor_reset(s->people, id, NULL, "command line", &s->err))
        return false;
    fprintf(stderr, "%s logs in with the password alone until a new second factor is set up.\n",
            email);
    return true;
}

static bool key_print(struct state *s, const char *id)
{
    struct people_key *list;
    size_t count = 0;
    if (!people_key_list(s->people, id, s->call->arena, &list, &count, &s->err))
        return false;
    for (size_t i = 0; i < count; i++)
        printf("%s  %-20s %s  %s\n", list[i].id, list[i].kind, list[i].name,
               list[i].used_ms ? clock_text(list[i].used_ms).text : "never used");
    return true;
}

static bool key(struct state *s, const char *email)
{
    const char *id, *add = option_text(s->call, "add"), *drop = option_text(s->call, "remove");
    struct buf file = BUF_LIMIT(16 << 10);
    struct people_key made;
    bool ok = find(s, email, &id);
    if (ok && add)
        ok = file_read(add, &file, &s->err) &&
             people_key_read((text){file.at ? file.at : "", file.size}, &made, &s->err) &&
             people_key_add(s->people, id, &made, "command line", &s->err);
    if (ok && drop)
        ok = people_key_drop(s->people, id, drop, "command line", &s->err);
    buf_free(&file);
    return ok && (add || drop || key_print(s, id));
}

static bool list(struct state *s, const char *unused)
{
    (void)unused;
    struct person *people;
    size_t count = 0;
    if (!people_list(s->people, s->call->arena, &people, &count, &s->err))
        return false;
    if (option_flag(s->call, "json")) {
        json_t *all = json_array();
        for (size_t i = 0; i < count; i++)
            json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:b, s:b, s:s}", "id",
                                                 people[i].id, "name", people[i].name, "email",
                                                 people[i].email, "admin", people[i].admin,
                                                 "disabled", people[i].disabled, "created",
                                                 clock_text(people[i].created_ms).text));
        json_dumpf(all, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(all);
        return true;
    }
    for (size_t i = 0; i < count; i++)
        printf("%-32s %-24s %s%s\n", people[i].email, people[i].name,
               people[i].admin ? "administrator" : "", people[i].disabled ? " disabled" : "");
    return true;
}

static const struct {
    const char *word;
    bool (*run)(struct state *s, const char *email);
    bool wants_email;
} acts[] = {{"add", add, true},
            {"link", relink, true},
            {"list", list, false},
            {"disable", disable, true},
            {"enable", enable, true},
            {"token", token, true},
            {"reset-factor", reset, true},
            {"key", key, true}};
enum { ACTS = sizeof(acts) / sizeof(acts[0]) };

static int run(struct command_call *call)
{
    struct state s = {.call = call};
    error_clear(&s.err);
    size_t i = 0;
    while (i < ACTS && strcmp(acts[i].word, call->words[0]) != 0)
        i++;
    if (i == ACTS || call->word_count != (acts[i].wants_email ? 2u : 1u)) {
        error_set(&s.err, ERROR_USAGE, "posthouse user %s is not complete", call->words[0]);
        error_fix(
            &s.err,
            "say add, link, disable, enable, token, reset-factor or key with an e-mail, or list");
        return command_failed(&s.err);
    }
    bool ok = open_state(&s) && acts[i].run(&s, call->word_count > 1 ? call->words[1] : NULL);
    people_close(s.people);
    db_close(s.db);
    return ok ? 0 : command_failed(&s.err);
}

static const struct option_row options[] = {
    {"name", OPTION_TEXT, "NAME", "the person's or the token's name"},
    {"admin", OPTION_FLAG, NULL, "add: may look after the whole house"},
    {"scope", OPTION_TEXT, "SCOPE", "token: all, read or worker (all)"},
    {"days", OPTION_INT, "N", "token: ends after so many days (never)"},
    {"json", OPTION_FLAG, NULL, "list: print JSON, for scripts"},
    {"add", OPTION_TEXT, "FILE", "key: a public key, as ssh-keygen writes it (FILE.pub)"},
    {"remove", OPTION_TEXT, "ID", "key: takes one away"},
    {0},
};
const struct command command_user = {
    "user",
    "add|link|disable|enable|token|reset-factor|key EMAIL | list",
    "people: invite, disable, new password, tokens",
    "add EMAIL      invites somebody; prints the link that sets the password\n"
    "link EMAIL     a new link for a forgotten password\n"
    "disable EMAIL  ends all log-ins and tokens; enable lets the person in again\n"
    "token EMAIL    a token for scripts (--scope all or read) or workers (--scope worker)\n"
    "reset-factor EMAIL  takes the second factor of somebody who has lost phone and codes\n"
    "key EMAIL      the person's public keys, for SFTP; --add FILE.pub and --remove ID\n"
    "list           everybody",
    options,
    1,
    2,
    run,
};
