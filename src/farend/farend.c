// The kinds as a table, and what they share.
#include "farend/inside.h"
#include "plat/hash.h"

#include <stdio.h>
#include <string.h>

struct setting_row {
    const char *kind, *name, *title, *example;
    bool needed, secret;
    char type; // t text, i whole number above 0, b yes or no, T texts, o object of texts
};
static const struct setting_row rows[] = {
    {"folder", "path", "Folder on this machine", "/mnt/outgoing", true, false, 't'},
    {"s3", "endpoint", "Address of the service", "https://s3.eu-central-1.amazonaws.com", true,
     false, 't'},
    {"s3", "bucket", "Bucket", "", true, false, 't'},
    {"s3", "region", "Region", "eu-central-1", true, false, 't'},
    {"s3", "prefix", "Folder in the bucket", "deliveries/2026", false, false, 't'},
    {"s3", "part_mib", "Size of a part in MiB", "16", false, false, 'i'},
    {"s3", "storage_class", "Storage class", "", false, false, 't'},
    {"s3", "ca_file", "File with the certificate of its authority", "", false, false, 't'},
    {"s3", "access_key", "Access key", "", true, true, 't'},
    {"s3", "secret_key", "Secret key", "", true, true, 't'},
    {"s3", "session_token", "Session token", "", false, true, 't'},
    {"sftp", "host", "Host", "sftp.outlet.example", true, false, 't'},
    {"sftp", "port", "Port", "22", false, false, 'i'},
    {"sftp", "user", "User", "", true, false, 't'},
    {"sftp", "path", "Folder there; without a leading / below the user's home", "incoming", true,
     false, 't'},
    {"sftp", "host_key", "The server's key, as ssh-keygen -lf shows it", "SHA256:...", true, false,
     't'},
    {"sftp", "password", "Password", "", false, true, 't'},
    {"sftp", "private_key", "Private key (ed25519 or ECDSA, as ssh-keygen writes it)", "", false,
     true, 't'},
    {"sftp", "passphrase", "Passphrase of the key", "", false, true, 't'},
    {"program", "sender", "Description in data/senders", "ascp", true, false, 't'},
    {"program", "program", "Where the program lies, when it is not where the description says",
     "/opt/aspera/bin/ascp", false, false, 't'},
    {"program", "values", "What its arguments are filled with", "", false, false, 'o'},
    {"program", "secrets", "Its secrets by name", "", false, true, 'o'},
    {"link", "days", "Days that the link is good for", "14", false, false, 'i'},
    {"hand", "checklist", "What whoever uploads it has to do, step by step", "", true, false, 'T'},
    {"hand", "portal", "Address of the portal", "https://portal.outlet.example", false, false, 't'},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const struct kind {
    const char *name, *title;
    bool (*send)(struct send *s, struct error *err);
} kinds[] = {
    {"folder", "A folder of this machine", folder_send},
    {"s3", "S3 or what speaks like it", s3_send},
    {"sftp", "SFTP", sftp_send},
    {"program", "The outlet's own program (ascp, Transporter, a portal's tool)", program_send},
    {"link", "A link to fetch it from here", NULL},
    {"hand", "By hand, with a list of what to do", NULL},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static const struct kind *kind_named(const char *name)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

// ---- shared

const char *word_of(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

int64_t number_of(const json_t *object, const char *name, int64_t none)
{
    const json_t *value = json_object_get(object, name);
    return json_is_integer(value) ? json_integer_value(value) : none;
}

bool moved_to(struct send *s, int64_t now)
{
    s->now = now;
    return !s->w->moved || s->w->moved(s->w->context, s->before + s->now, s->total);
}

bool stopped(struct error *err)
{
    return error_set(err, ERROR_CANCELLED, "it was stopped");
}

void proven(struct send *s, const char *name, const char *how)
{
    json_array_append_new(s->proofs, json_pack("{s:s, s:s}", "name", name, "proof", how));
}

bool compare_piece(void *context, const void *at, size_t size, struct error *err)
{
    struct comparing *c = context;
    hasher_add(c->hash, at, size);
    c->size += (int64_t)size;
    return moved_to(c->s, c->s->now) || stopped(err);
}

bool compare_end(struct comparing *c, const struct farend_file *f, struct error *err)
{
    uint8_t digest[64];
    char hex[65];
    hasher_end(c->hash, digest);
    hex_text(digest, SHA256_SIZE, hex, sizeof(hex));
    if (c->size == f->size && strcmp(hex, f->sha256) == 0)
        return true;
    error_set(err, ERROR_DAMAGED, "%s did not arrive whole", f->name);
    error_why(err, "read back it has %lld bytes and SHA-256 %s; sent were %lld and %s",
              (long long)c->size, hex, (long long)f->size, f->sha256);
    return error_fix(err, "send it again; if it stays so, look at the disk or server there");
}

bool lies_there(const char *what, struct error *err)
{
    error_set(err, ERROR_CONFLICT, "%s is there already", what);
    error_why(err, "what lies there under this name is not what is being sent");
    return error_fix(err, "take it away there, or give the deliverable another name or version");
}

bool farend_name_ok(const char *name)
{
    if (!*name || *name == '/' || strlen(name) > 500 || !text_utf8(text_of(name)))
        return false;
    for (const char *part = name; part;) {
        const char *slash = strchr(part, '/');
        size_t size = slash ? (size_t)(slash - part) : strlen(part);
        if (!size || size > 255 || *part == '.')
            return false;
        part = slash ? slash + 1 : NULL;
    }
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        if (*c < ' ' || *c == 127 || *c == '\\')
            return false;
    return true;
}

// ---- what a destination must say

static bool type_fits(char type, const json_t *value)
{
    size_t i;
    const char *key;
    json_t *one;
    if (type == 'i')
        return json_is_integer(value) && json_integer_value(value) > 0 &&
               json_integer_value(value) < 100000;
    if (type == 'b')
        return json_is_boolean(value);
    if (type == 't')
        return json_is_string(value) && json_string_length(value) > 0 &&
               json_string_length(value) < 20000;
    if (type == 'T') {
        bool all = json_array_size(value) > 0;
        json_array_foreach(value, i, one) all = all && json_is_string(one);
        return all;
    }
    bool all = json_is_object(value);
    json_object_foreach((json_t *)(uintptr_t)value, key, one) all = all && json_is_string(one);
    return all;
}

static bool bad_field(const char *kind, const char *name, const char *why, struct error *err)
{
    error_set(err, ERROR_INPUT, "a destination of the kind %s can not be made so", kind);
    error_why(err, "\"%s\" %s", name, why);
    return error_fix(err, "`posthouse destination kinds` shows what each kind wants");
}

static bool check_object(const char *kind, const json_t *object, bool secret, struct error *err)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        bool known = false, other = false;
        for (size_t i = 0; i < ROWS; i++)
            if (strcmp(rows[i].kind, kind) == 0 && strcmp(rows[i].name, name) == 0) {
                known = rows[i].secret == secret;
                other = !known;
                if (known && !type_fits(rows[i].type, value))
                    return bad_field(kind, name, "has a value it can not have", err);
            }
        if (other)
            return bad_field(kind, name,
                             secret ? "is no secret: it belongs to the settings"
                                    : "is a secret: it belongs to the secrets",
                             err);
        if (!known)
            return bad_field(kind, name, "is not known", err);
    }
    return true;
}

static bool check_values(const char *kind, const json_t *settings, const json_t *secrets,
                         struct error *err)
{
    const char *path = word_of(settings, "path"), *endpoint = word_of(settings, "endpoint");
    if (strcmp(kind, "folder") == 0 && *path != '/')
        return bad_field(kind, "path", "must begin with /", err);
    if (strcmp(kind, "s3") == 0 && strncmp(endpoint, "https://", 8) != 0 &&
        strncmp(endpoint, "http://", 7) != 0)
        return bad_field(kind, "endpoint", "must begin with https:// or http://", err);
    if (strcmp(kind, "s3") == 0 && number_of(settings, "part_mib", 16) < 5)
        return bad_field(kind, "part_mib", "is 5 at least", err);
    if (strcmp(kind, "sftp") == 0) {
        const char *key = word_of(settings, "host_key");
        if (strncmp(key, "SHA256:", 7) != 0 || strlen(key) < 47)
            return bad_field(kind, "host_key", "must be as ssh-keygen -lf shows it: SHA256:...",
                             err);
        if (!*word_of(secrets, "password") == !*word_of(secrets, "private_key"))
            return bad_field(kind, "password", "or a private_key is needed, and not both", err);
        if (strpbrk(word_of(settings, "host"), "/@: "))
            return bad_field(kind, "host", "is a name or an address alone", err);
    }
    return true;
}

bool farend_check(const char *kind, const json_t *settings, const json_t *secrets,
                  const char *senders, struct error *err)
{
    const char *names[KINDS];
    for (size_t i = 0; i < KINDS; i++)
        names[i] = kinds[i].name;
    if (!kind_named(kind)) {
        const char *near = text_nearest(kind, names, KINDS);
        error_set(err, ERROR_INPUT, "there is no kind of destination %.40s", kind);
        return error_fix(err, "it is folder, s3, sftp, program, link or hand%s%s%s",
                         near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    }
    if (!check_object(kind, settings, false, err) || !check_object(kind, secrets, true, err))
        return false;
    for (size_t i = 0; i < ROWS; i++) {
        const struct setting_row *r = &rows[i];
        if (strcmp(r->kind, kind) == 0 && r->needed &&
            !json_object_get(r->secret ? secrets : settings, r->name))
            return bad_field(kind, r->name, "is missing", err);
    }
    return check_values(kind, settings, secrets, err) &&
           (strcmp(kind, "program") != 0 || program_check(settings, secrets, senders, err));
}

json_t *farend_kinds(void)
{
    json_t *list = json_array();
    for (size_t k = 0; k < KINDS; k++) {
        json_t *fields = json_array();
        for (size_t i = 0; i < ROWS; i++) {
            char type[2] = {rows[i].type, 0};
            if (strcmp(rows[i].kind, kinds[k].name) == 0)
                json_array_append_new(
                    fields, json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "name", rows[i].name,
                                      "title", rows[i].title, "example", rows[i].example, "type",
                                      type, "needed", rows[i].needed, "secret", rows[i].secret));
        }
        json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", kinds[k].name, "title",
                                              kinds[k].title, "settings", fields));
    }
    return list;
}

// ---- sending

bool farend_send(const struct farend_wish *w, json_t **result, struct error *err)
{
    const struct kind *k = kind_named(w->kind);
    *result = NULL;
    if (!k || !k->send)
        return error_set(err, ERROR_INTERNAL, "nothing can be sent to a destination of kind %s",
                         w->kind);
    struct send s = {.w = w, .a = arena_open(64 << 20), .proofs = json_array(), .place = ""};
    bool ok = true;
    for (size_t i = 0; i < w->count; i++) {
        s.total += w->files[i].size;
        if (!farend_name_ok(w->files[i].name))
            ok = error_set(err, ERROR_INPUT, "a package can not hold a file called %.200s",
                           w->files[i].name);
    }
    if (ok && *w->folder && (!farend_name_ok(w->folder) || strchr(w->folder, '/')))
        ok = error_set(err, ERROR_INPUT, "a package can not be called %.200s", w->folder);
    ok = ok && k->send(&s, err);
    if (ok)
        *result = json_pack("{s:s, s:O}", "place", s.place, "files", s.proofs);
    json_decref(s.proofs);
    arena_close(s.a);
    return ok;
}

bool farend_forget(const char *kind, const json_t *settings, const json_t *secrets,
                   const char *folder, json_t *state, struct error *err)
{
    struct arena *a = arena_open(16 << 20);
    bool ok = strcmp(kind, "s3") != 0 ||
              s3_forget(settings, secrets, folder, json_object_get(state, "files"), a, err);
    if (ok)
        json_object_clear(state);
    arena_close(a);
    return ok;
}

bool farend_test(const char *kind, const json_t *settings, const json_t *secrets,
                 const char *senders, struct arena *a, const char **answer, struct error *err)
{
    if (strcmp(kind, "folder") == 0)
        return folder_test(settings, a, answer, err);
    if (strcmp(kind, "s3") == 0)
        return s3_test(settings, secrets, a, answer, err);
    if (strcmp(kind, "sftp") == 0)
        return sftp_test(settings, secrets, a, answer, err);
    if (strcmp(kind, "program") == 0)
        return program_test(settings, secrets, senders, a, answer, err);
    *answer = "there is nothing to be tested: a person fetches or brings it";
    return true;
}
