// What actions say on standard output: lines "openjd_...: ...", and hiding secrets in other lines.
//
// A line is a message when it begins with "openjd_", a known word, ": " and something. A line that
// only looks like a message that sets variables is malformed, since a job that believes to have set
// one must not go on; other words with faults are ordinary output.
#include "formats/openjd/inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word;
    enum openjd_message_kind kind;
} words[] = {
    {"progress", OPENJD_PROGRESS},
    {"status", OPENJD_STATUS},
    {"fail", OPENJD_FAIL},
    {"env", OPENJD_ENV},
    {"unset_env", OPENJD_UNSET_ENV},
    {"redacted_env", OPENJD_REDACTED_ENV},
    {"session_runtime_loglevel", OPENJD_LOG_LEVEL},
};

static void malformed(struct openjd_message *m, const char *why)
{
    m->kind = OPENJD_MALFORMED;
    m->words = text_of(why);
    m->name = m->value = (text){NULL, 0};
}

static text behind_spaces(text t)
{
    while (t.size && (t.at[0] == ' ' || t.at[0] == '\t'))
        t = (text){t.at + 1, t.size - 1};
    return t;
}

// NAME=value, or the same as a JSON string, which may have line breaks in it.
static void read_variable(struct arena *a, text t, struct openjd_message *m)
{
    t = behind_spaces(t);
    if (t.size && t.at[0] == '"') {
        struct node *root;
        int64_t line;
        const char *rule;
        if (!tree_parse(a, t, OPENJD_JSON, &root, &line, &rule) || root->kind != NODE_TEXT) {
            malformed(m, "openjd: a variable in quotes is not a JSON string \"NAME=value\"");
            return;
        }
        t = root->words;
    }
    const char *equals = t.size ? memchr(t.at, '=', t.size) : NULL;
    text name = {t.at, equals ? (size_t)(equals - t.at) : 0};
    if (!name_is_identifier(name)) {
        malformed(m, "openjd: a variable is set as NAME=value, NAME of letters, digits and '_'");
        return;
    }
    m->name = name;
    m->value = (text){equals + 1, t.size - name.size - 1};
}

static void read_progress(text t, struct openjd_message *m)
{
    if (number_real(t, &m->progress) && m->progress >= 0 && m->progress <= 100)
        return;
    m->kind = OPENJD_IGNORED;
    m->words = text_of("openjd: a progress is a number from 0 to 100");
}

static void read_level(text t, struct openjd_message *m)
{
    static const char *const levels[] = {"DEBUG", "INFO", "WARNING", "ERROR"};
    for (size_t i = 0; i < 4; i++) {
        if (text_same_any_case(text_trim(t), text_of(levels[i]))) {
            m->words = text_of(levels[i]);
            return;
        }
    }
    m->kind = OPENJD_IGNORED;
    m->words = text_of("openjd: a log level is DEBUG, INFO, WARNING or ERROR");
}

// "openjd_ENV: a", "openjd_env:a", "openjd_env a": meant to set a variable, and does not.
static bool nearly_sets(text line)
{
    static const char *const starts[] = {"openjd_env", "openjd_redacted_env", "openjd_unset_env"};
    line = behind_spaces(line);
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(starts[i]);
        if (line.size >= size && text_same_any_case((text){line.at, size}, text_of(starts[i])) &&
            (line.size == size || line.at[size] == ':' || line.at[size] == ' '))
            return true;
    }
    return false;
}

void openjd_message_parse(struct arena *a, text line, struct openjd_message *m)
{
    *m = (struct openjd_message){.kind = OPENJD_PLAIN};
    const char *colon = line.size > 7 ? memmem(line.at, line.size, ": ", 2) : NULL;
    if (colon && text_starts(line, "openjd_")) {
        text word = {line.at + 7, (size_t)(colon - line.at) - 7};
        text rest = {colon + 2, line.size - word.size - 9};
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && rest.size; i++)
            if (text_is(word, words[i].word))
                m->kind = words[i].kind;
        m->words = rest;
    }
    switch (m->kind) {
    case OPENJD_PLAIN:
        if (nearly_sets(line))
            malformed(m, "openjd: a line looks like openjd_env, openjd_redacted_env or "
                         "openjd_unset_env, and is not written as 'openjd_env: NAME=value'");
        break;
    case OPENJD_PROGRESS:
        read_progress(m->words, m);
        break;
    case OPENJD_ENV:
    case OPENJD_REDACTED_ENV:
        read_variable(a, m->words, m);
        break;
    case OPENJD_UNSET_ENV:
        m->name = behind_spaces(m->words);
        if (!name_is_identifier(m->name))
            malformed(m, "openjd: a variable is unset by its NAME alone");
        break;
    case OPENJD_LOG_LEVEL:
        read_level(m->words, m);
        break;
    default:
        break;
    }
}

// Marks the bytes of each place where `secret` stands.
static void mark(text line, text secret, bool *hidden)
{
    for (size_t i = 0; secret.size && i + secret.size <= line.size; i++)
        if (memcmp(line.at + i, secret.at, secret.size) == 0)
            memset(hidden + i, true, secret.size);
}

text openjd_redact(struct arena *a, text line, const text *secrets, size_t secret_count)
{
    bool *hidden = ARENA_ARRAY(a, bool, line.size + 1), any = false;
    for (size_t i = 0; i < secret_count; i++) {
        text rest = secrets[i];
        mark(line, rest, hidden);
        while (memchr(rest.at ? rest.at : "", '\n', rest.size))
            mark(line, text_cut(&rest, '\n'), hidden);
        mark(line, rest, hidden);
    }
    for (size_t i = 0; i < line.size; i++)
        any |= hidden[i];
    if (!any)
        return line;
    // Each run of hidden bytes becomes eight stars, however long it was.
    char *to = arena_take(a, line.size * 8 + 1);
    size_t size = 0;
    for (size_t i = 0; i < line.size; i++) {
        if (!hidden[i]) {
            to[size++] = line.at[i];
        } else if (i == 0 || !hidden[i - 1]) {
            memcpy(to + size, "********", 8);
            size += 8;
        }
    }
    return (text){to, size};
}
