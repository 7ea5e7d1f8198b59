/*
 * Who asks. Clients of WebDAV send the password with each request, and looking at a password is
 * made slow on purpose: one that was right is remembered for a while as the session that it made,
 * under a keyed hash. The session is looked up each time, so that who is disabled or gets a new
 * password is out at once.
 */
#include "dav/inside.h"

#include "plat/clock.h"
#include "plat/hash.h"
#include "plat/ids.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { KNOWN_MOST = 512, KNOWN_MS = 30 * 60 * 1000, HEADER_MOST = 2048 };

struct known {
    sha256 key;
    char secret[44];
    int64_t used_ms; // 0: free
};

struct logins {
    struct people *people;
    uint8_t salt[32];
    pthread_mutex_t mutex; // guards known
    struct known known[KNOWN_MOST];
};

struct logins *logins_open(struct people *people)
{
    struct logins *l = calloc(1, sizeof(*l));
    if (!l)
        abort();
    l->people = people;
    random_bytes(l->salt, sizeof(l->salt));
    pthread_mutex_init(&l->mutex, NULL);
    return l;
}

void logins_close(struct logins *l)
{
    if (!l)
        return;
    pthread_mutex_destroy(&l->mutex);
    explicit_bzero(l, sizeof(*l));
    free(l);
}

static bool remembered(struct logins *l, const sha256 *key, char secret[44])
{
    int64_t now = clock_now_ms();
    bool found = false;
    pthread_mutex_lock(&l->mutex);
    for (size_t i = 0; i < KNOWN_MOST && !found; i++) {
        struct known *k = &l->known[i];
        if (k->used_ms && now - k->used_ms < KNOWN_MS && sha256_equal(&k->key, key)) {
            memcpy(secret, k->secret, sizeof(k->secret));
            k->used_ms = now;
            found = true;
        }
    }
    pthread_mutex_unlock(&l->mutex);
    return found;
}

static void remember(struct logins *l, const sha256 *key, const char secret[44])
{
    pthread_mutex_lock(&l->mutex);
    size_t place = 0;
    for (size_t i = 0; i < KNOWN_MOST; i++) {
        if (sha256_equal(&l->known[i].key, key)) {
            place = i;
            break;
        }
        if (l->known[i].used_ms < l->known[place].used_ms)
            place = i;
    }
    l->known[place] = (struct known){.key = *key, .used_ms = clock_now_ms()};
    memcpy(l->known[place].secret, secret, 44);
    pthread_mutex_unlock(&l->mutex);
}

static bool log_in_first(struct error *err)
{
    error_set(err, ERROR_LOGIN, "log in to see the house's files");
    error_why(err, "this address needs an account of the house");
    return error_fix(err, "give e-mail and password, or any name and a token as the password");
}

static bool pair_read(const char *coded, struct arena *a, char **user, char **password)
{
    char *url = arena_text(a, coded);
    size_t size = strlen(url), got = 0;
    while (size && url[size - 1] == '=')
        url[--size] = 0;
    for (size_t i = 0; i < size; i++)
        url[i] = url[i] == '+' ? '-' : url[i] == '/' ? '_' : url[i];
    char *plain = arena_take(a, size + 1);
    if (!base64url_parse((text){url, size}, plain, size, &got))
        return false;
    plain[got] = 0;
    char *colon = memchr(plain, ':', got);
    if (!colon || strlen(plain) != got)
        return false;
    *colon = 0;
    *user = plain;
    *password = colon + 1;
    return true;
}

// A wrong one counts as a try; a right one costs nothing, however many requests come at once.
static bool by_token(struct logins *l, const char *secret, const char *address, struct arena *a,
                     struct who *who, struct error *err)
{
    if (!people_who(l->people, secret, false, a, who, err))
        return false;
    if (who->kind == WHO_PERSON && who->scope != SCOPE_WORKER)
        return true;
    *who = (struct who){.session = "", .csrf = ""};
    int wait_s = people_guess(l->people, address);
    if (!wait_s)
        return log_in_first(err);
    error_set(err, ERROR_TOO_MANY, "too many tries");
    return error_fix(err, "wait %d s, then try again", wait_s);
}

static bool by_password(struct logins *l, const char *user, const char *password,
                        const char *address, struct arena *a, struct who *who, struct error *err)
{
    struct session_made made;
    const char *both = arena_format(a, "%s:%s", user, password);
    sha256 key = hmac_sha256(l->salt, sizeof(l->salt), both, strlen(both));
    if (remembered(l, &key, made.secret)) {
        if (!people_who(l->people, made.secret, true, a, who, err))
            return false;
        if (who->kind == WHO_PERSON)
            return true;
    }
    struct entry from = {.address = address, .device = "WebDAV"};
    if (!people_login(l->people, user, password, &from, &made, err))
        return err->kind == ERROR_FACTOR
                   ? error_fix(err,
                               "there is no place for a code here: use a token as the password")
                   : false;
    remember(l, &key, made.secret);
    return people_who(l->people, made.secret, true, a, who, err) &&
           (who->kind == WHO_PERSON || log_in_first(err));
}

static bool near_or_secret(const struct request *r)
{
    return r->secure || strncmp(r->peer, "127.", 4) == 0 || strcmp(r->peer, "::1") == 0;
}

static bool who_in(struct logins *l, struct request *r, struct arena *a, struct who *who,
                   struct error *err)
{
    const char *header = request_header(r, "Authorization");
    char *user, *password;
    *who = (struct who){.session = "", .csrf = ""};
    if (!near_or_secret(r)) {
        error_set(err, ERROR_DENIED, "passwords are not taken here over a plain line");
        error_why(err, "everybody on the way could read it");
        return error_fix(err, "use https: set tls=on, or a proxy that speaks TLS");
    }
    if (header && strlen(header) < HEADER_MOST && strncasecmp(header, "Bearer ", 7) == 0)
        return by_token(l, header + 7, r->peer, a, who, err);
    if (!header || strlen(header) >= HEADER_MOST || strncasecmp(header, "Basic ", 6) != 0 ||
        !pair_read(header + 6 + strspn(header + 6, " "), a, &user, &password))
        return log_in_first(err);
    // A token has 43 letters; a password may too.
    if (strlen(password) == 43 && !strchr(user, '@'))
        return by_token(l, password, r->peer, a, who, err);
    if (strlen(password) == 43) {
        if (!people_who(l->people, password, false, a, who, err))
            return false;
        if (who->kind == WHO_PERSON && who->scope != SCOPE_WORKER)
            return true;
    }
    return by_password(l, user, password, r->peer, a, who, err);
}

bool logins_who(struct logins *l, struct request *r, struct arena *a, struct who *who,
                struct error *err)
{
    if (!who_in(l, r, a, who, err))
        return false;
    if (!who->factor_owed)
        return true;
    error_set(err, ERROR_LOGIN, "the house wants a second factor of you");
    return error_fix(err, "log in on the page and set one up, then use a token as the password");
}
