#include "cmd/take_out.h"
#include "cmd/progress.h"
#include "plat/files.h"
#include "plat/hash.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// ---- bytes

struct fetching {
    int fd;
    struct hasher *chunk, *whole;
    int64_t at, size;
    int64_t before, all; // bytes of the files before it, and of all
    struct progress bar;
};

static void start_again(struct fetching *f)
{
    hasher_close(f->chunk);
    hasher_close(f->whole);
    f->chunk = NULL;
    f->whole = hasher_open("sha256");
    f->at = 0;
}

static void end_chunk(struct fetching *f)
{
    uint8_t digest[64];
    if (!f->chunk)
        return;
    hasher_add(f->whole, digest, hasher_end(f->chunk, digest));
    f->chunk = NULL;
}

static bool came(void *context, int64_t offset, const void *at, size_t size, struct error *err)
{
    struct fetching *f = context;
    const char *from = at;
    if (offset == 0)
        start_again(f);
    if (offset != f->at || offset + (int64_t)size > f->size)
        return error_set(err, ERROR_DAMAGED, "the house sent other bytes than it said");
    while (size) {
        int64_t room = STORE_CHUNK - f->at % STORE_CHUNK;
        size_t now = (int64_t)size < room ? size : (size_t)room;
        if (!f->chunk)
            f->chunk = hasher_open("sha256");
        hasher_add(f->chunk, from, now);
        if (!fd_write_all(f->fd, from, now, f->at))
            return error_errno(err, errno, "cannot write the delivery");
        f->at += (int64_t)now;
        from += now;
        size -= now;
        if (f->at % STORE_CHUNK == 0)
            end_chunk(f);
    }
    progress_show(&f->bar, f->before + f->at, f->all);
    return true;
}

struct taking {
    struct command_call *call;
    struct house *house;
    const json_t *delivery;
    const char *folder, *work;
    bool over;
};

// A file that the house calls `name`.
static bool fetch(struct taking *t, const json_t *file, struct fetching *f, struct error *err)
{
    char path[96];
    uint8_t digest[64];
    sha256 wanted;
    struct reply reply;
    const char *name = json_word(file, "name");
    snprintf(path, sizeof(path), "/api/v1/deliveries/%.26s/files/%lld",
             json_word(t->delivery, "id"), (long long)json_count(file, "number"));
    struct call call = {.path = path, .download = came, .context = f, .repeatable = true};
    f->size = json_count(file, "size");
    start_again(f);
    if (!client_call(t->house->client, &call, t->call->arena, &reply, err))
        return false;
    end_chunk(f);
    hasher_end(f->whole, digest);
    f->whole = NULL;
    if (f->at != f->size || !sha256_parse(text_of(json_word(file, "content")), &wanted) ||
        memcmp(digest, wanted.at, SHA256_SIZE) != 0) {
        error_set(err, ERROR_DAMAGED, "%s did not arrive whole", name);
        error_why(err, "its bytes are not those that the house made");
        return error_fix(err, "take it out again");
    }
    return fsync(f->fd) == 0 || error_errno(err, errno, "cannot make %s durable", name);
}

static bool plain(const char *name, struct error *err)
{
    return (*name && !strchr(name, '/') && name[0] != '.') ||
           error_set(err, ERROR_DAMAGED, "the house calls it %s, which is no file name", name);
}

static bool fetch_all(struct taking *t, struct error *err)
{
    struct fetching f = {
        .all = json_count(t->delivery, "size"),
        .bar = progress_begin("Taking it out", "bytes", option_flag(t->call, "json"))};
    const json_t *files = json_object_get(t->delivery, "files"), *file;
    bool ok = true;
    size_t i;
    json_array_foreach(files, i, file)
    {
        if (!ok || !plain(json_word(file, "name"), err)) {
            ok = false;
            break;
        }
        const char *path = arena_format(t->call->arena, "%s/%s", t->work, json_word(file, "name"));
        f.fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        ok = f.fd >= 0 ? fetch(t, file, &f, err)
                       : error_errno(err, errno, "cannot write into %s", t->folder);
        f.before += f.size;
        if (f.fd >= 0)
            close(f.fd);
    }
    progress_end(&f.bar);
    hasher_close(f.chunk);
    hasher_close(f.whole);
    return ok;
}

// ---- names

static bool is_folder(const json_t *delivery)
{
    return !*json_word(delivery, "content");
}

static bool durable(const char *folder, struct error *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    int code = errno;
    if (fd >= 0)
        close(fd);
    return ok || error_errno(err, code, "cannot make %s durable", folder);
}

static bool free_of(const char *final, bool over, struct error *err)
{
    if (over || access(final, F_OK) != 0)
        return true;
    error_set(err, ERROR_CONFLICT, "%s is there already", final);
    return error_fix(err, "name another folder with --out, or say --overwrite");
}

static bool name_folder(struct taking *t, struct error *err)
{
    const char *final =
        arena_format(t->call->arena, "%s/%s", t->folder, json_word(t->delivery, "name"));
    bool folder = false;
    int64_t size;
    if (!durable(t->work, err) || !free_of(final, t->over, err))
        return false;
    if (t->over && file_look(final, &folder, &size) && folder && !folder_remove(final, err))
        return false;
    return rename(t->work, final) == 0 || error_errno(err, errno, "cannot give %s its name", final);
}

static bool name_files(struct taking *t, struct error *err)
{
    const json_t *files = json_object_get(t->delivery, "files");
    for (int step = 0; step < 2; step++) // first whether all can be, then each
        for (size_t i = json_array_size(files); i-- > 0;) {
            const char *name = json_word(json_array_get(files, i), "name");
            const char *final = arena_format(t->call->arena, "%s/%s", t->folder, name);
            if (step == 0 && !free_of(final, t->over, err))
                return false;
            if (step == 1 &&
                rename(arena_format(t->call->arena, "%s/%s", t->work, name), final) != 0)
                return error_errno(err, errno, "cannot give %s its name", final);
        }
    return true;
}

bool take_out_place(struct command_call *call, const json_t *delivery, const char *folder,
                    bool over, const char **final, struct error *err)
{
    const char *name = json_word(delivery, "name");
    if (!plain(name, err) || !folder_make(folder, 0777, err))
        return false;
    *final = arena_format(call->arena, "%s/%s", folder, name);
    return free_of(*final, over, err);
}

bool take_out(struct command_call *call, struct house *house, const json_t *delivery,
              const char *folder, bool over, struct error *err)
{
    struct taking t = {call, house, delivery, folder, NULL, over};
    struct error ignored;
    t.work =
        arena_format(call->arena, "%s/.posthouse-%.26s.part", folder, json_word(delivery, "id"));
    bool ok = folder_remove(t.work, err) && folder_make(t.work, 0777, err) && fetch_all(&t, err) &&
              (is_folder(delivery) ? name_folder(&t, err) : name_files(&t, err)) &&
              durable(folder, err);
    (void)!folder_remove(t.work, &ignored);
    return ok;
}

// ---- telling

void take_out_print(const json_t *delivery)
{
    const json_t *files = json_object_get(delivery, "files"), *file;
    size_t i;
    json_array_foreach(files, i, file)
    {
        const json_t *notes = json_object_get(file, "notes");
        size_t lost = json_array_size(notes) + (size_t)json_count(file, "more");
        if (json_array_size(files) > 1)
            printf("  %s\n", json_word(file, "name"));
        if (lost)
            fprintf(stderr, "%s can not say all of the captions, %zu times; the first: %s\n",
                    json_word(file, "name"), lost, json_word(json_array_get(notes, 0), "what"));
    }
}
