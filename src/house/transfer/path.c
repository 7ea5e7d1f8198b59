// Paths that come from outside, and batches of small files.
#include "house/transfer/transfer.h"

#include "plat/clock.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

enum { PART_MOST = 255, PATH_MOST = 4096, SMALL_FILES_MOST = 4096, HEADER_MOST = 4 << 20 };

static bool refuse(struct error *err, text path, const char *why)
{
    // Only what can be shown is shown.
    char shown[120];
    size_t size = 0;
    for (size_t i = 0; i < path.size && size < sizeof(shown) - 4; i++)
        shown[size++] = (unsigned char)path.at[i] < 32 || path.at[i] == 127 ? '?' : path.at[i];
    while (size && ((unsigned char)shown[size - 1] & 0xc0) == 0x80)
        size--; // not half a letter
    shown[size] = 0;
    error_set(err, ERROR_INPUT, "the name \"%s\" can not be kept", text_utf8(path) ? shown : "...");
    error_why(err, "%s", why);
    return error_fix(err, "rename the file or folder, then send it again");
}

bool transfer_path_check(text path, struct error *err)
{
    if (!path.size)
        return refuse(err, path, "it is empty");
    if (path.size > PATH_MOST)
        return refuse(err, path, "the whole path is longer than 4,096 bytes");
    if (!text_utf8(path))
        return refuse(err, path, "it is not valid UTF-8, or has a NUL in it");
    if (path.at[0] == '/')
        return refuse(err, path, "it is absolute; paths here are relative");
    for (size_t i = 0; i < path.size; i++)
        if ((unsigned char)path.at[i] < 32 || path.at[i] == 127)
            return refuse(err, path, "it has a control character in it, such as a line end or tab");
    for (text rest = path, part;;) {
        bool last = !memchr(rest.at, '/', rest.size);
        part = text_cut(&rest, '/');
        if (!part.size)
            return refuse(err, path, "it has an empty part (two slashes, or one at the end)");
        if (text_is(part, ".") || text_is(part, ".."))
            return refuse(err, path, "it has \".\" or \"..\" as a part");
        if (part.size > PART_MOST)
            return refuse(err, path, "a part of it is longer than 255 bytes");
        if (last)
            return true;
        if (!rest.size)
            return refuse(err, path, "it has an empty part (two slashes, or one at the end)");
    }
}

bool transfer_path_hidden(text path)
{
    size_t begin = path.size;
    while (begin > 0 && path.at[begin - 1] != '/')
        begin--;
    text name = {path.at + begin, path.size - begin};
    static const char *const left_behind[] = {".DS_Store", "Thumbs.db", "desktop.ini",
                                              ".localized"};
    for (size_t i = 0; i < sizeof(left_behind) / sizeof(left_behind[0]); i++)
        if (name.size == strlen(left_behind[i]) &&
            strncasecmp(name.at, left_behind[i], name.size) == 0)
            return true;
    return text_starts(name, "._") && name.size > 2;
}

static bool bad_batch(struct error *err, const char *why)
{
    error_set(err, ERROR_INPUT, "this batch of small files can not be read");
    error_why(err, "%s", why);
    return error_fix(err, "send u32 header size, the JSON header, then the bytes in its order");
}

static bool small_one(json_t *entry, text body, size_t *at, struct arena *a, struct small_file *f,
                      struct error *err)
{
    json_t *path = json_object_get(entry, "path"), *size = json_object_get(entry, "size"),
           *hash = json_object_get(entry, "hash"), *modified = json_object_get(entry, "modified");
    if (!json_is_string(path) || !json_is_integer(size) || !json_is_string(hash))
        return bad_batch(err, "a file in its header lacks path, size or hash");
    json_int_t bytes = json_integer_value(size);
    if (bytes < 0 || (uint64_t)bytes > body.size - *at)
        return bad_batch(err, "its header says more bytes than came");
    if (!sha256_parse((text){json_string_value(hash), json_string_length(hash)}, &f->hash))
        return bad_batch(err, "a hash in its header is not 64 hex digits");
    if (strlen(json_string_value(path)) != json_string_length(path))
        return bad_batch(err, "a path in its header has a NUL in it");
    if (json_is_string(modified) &&
        !clock_parse(text_of(json_string_value(modified)), &f->modified_ms))
        return bad_batch(err, "a time in its header is not RFC 3339");
    f->path = arena_text(a, json_string_value(path));
    f->bytes = (text){body.at + *at, (size_t)bytes};
    *at += (size_t)bytes;
    return true;
}

bool small_parse(text body, struct arena *a, struct small_file **list, size_t *count,
                 struct error *err)
{
    const uint8_t *head = (const uint8_t *)body.at;
    if (body.size > TRANSFER_SMALL_MOST)
        return error_set(err, ERROR_TOO_BIG, "this batch of small files is over 8 MiB");
    if (body.size < 4)
        return bad_batch(err, "it is shorter than its header's size");
    size_t header = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
    if (header > body.size - 4 || header > HEADER_MOST)
        return bad_batch(err, "its header is longer than it");
    json_t *root = json_loadb(body.at + 4, header, JSON_REJECT_DUPLICATES, NULL);
    json_t *files = json_object_get(root, "files");
    size_t at = 4 + header, files_count = json_array_size(files);
    bool ok = json_is_array(files) || bad_batch(err, "its header is not JSON with a list of files");
    if (ok && files_count > SMALL_FILES_MOST)
        ok = bad_batch(err, "it has more than 4,096 files");
    *list = ARENA_ARRAY(a, struct small_file, files_count ? files_count : 1);
    *count = 0;
    for (size_t i = 0; ok && i < files_count; i++) {
        ok = small_one(json_array_get(files, i), body, &at, a, &(*list)[i], err);
        *count += ok;
    }
    if (ok && at != body.size)
        ok = bad_batch(err, "more bytes came than its header says");
    json_decref(root);
    return ok;
}
