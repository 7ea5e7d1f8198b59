#include "cmd/beside.h"
#include "formats/adm/adm.h"
#include "formats/dolbyvision/dolbyvision.h"
#include "plat/files.h"
#include "plat/hash.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool dolby_rows(const char *path, text bytes, const json_t *facts, json_t **rows, bool *fits,
                       struct error *err)
{
    struct dolby *d;
    if (!dolby_read(path, bytes, &d, err))
        return false;
    *rows = dolby_fit(d, facts, fits);
    dolby_close(d);
    return true;
}

static bool adm_rows(const char *path, text bytes, const json_t *facts, json_t **rows, bool *fits,
                     struct error *err)
{
    struct adm *a;
    if (!adm_read(path, bytes, &a, err))
        return false;
    *rows = adm_fit(a, facts, fits);
    adm_close(a);
    return true;
}

static const struct {
    const char *option;
    bool (*rows)(const char *, text, const json_t *, json_t **, bool *, struct error *);
} kinds[] = {{"dolby-vision", dolby_rows}, {"adm", adm_rows}};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

bool beside_fit(struct command_call *call, const json_t *facts, json_t **rows, bool *fits,
                struct error *err)
{
    bool done = true;
    *rows = NULL;
    *fits = true;
    for (size_t i = 0; done && i < KINDS; i++) {
        const char *path = option_text(call, kinds[i].option);
        const uint8_t *at;
        size_t size;
        json_t *own = NULL;
        bool well = true;
        if (!path)
            continue;
        done = file_map(path, &at, &size, err) &&
               kinds[i].rows(path, (text){(const char *)at, size}, facts, &own, &well, err);
        if (!*rows)
            *rows = json_array();
        json_array_extend(*rows, own);
        json_decref(own);
        *fits = *fits && well;
    }
    return done;
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool deliver(struct command_call *call, const char *path, const char *folder,
                    struct error *err)
{
    const char *name = strrchr(path, '/');
    const char *to = arena_format(call->arena, "%s/%s", folder, name ? name + 1 : path);
    const uint8_t *at, *copy;
    size_t size, copied;
    if (!file_map(path, &at, &size, err) ||
        (!same_file(path, to) && !file_write(to, at, size, 0644, err)) ||
        !file_map(to, &copy, &copied, err))
        return false;
    sha256 a = sha256_of(at, size), b = sha256_of(copy, copied);
    if (!sha256_equal(&a, &b)) {
        error_set(err, ERROR_IO, "%s is not what %s is", to, path);
        return error_fix(err, "check the disk, and ask for it again");
    }
    if (!option_flag(call, "json"))
        printf("%s unchanged, SHA-256 %s\n", to, sha256_text(&b).text);
    return true;
}

bool beside_deliver(struct command_call *call, const char *folder, struct error *err)
{
    bool done = true;
    for (size_t i = 0; done && i < KINDS; i++) {
        const char *path = option_text(call, kinds[i].option);
        done = !path || deliver(call, path, folder, err);
    }
    return done;
}
