// What readers and writers of hash lists share: kinds, C4 IDs, paths.
#include "formats/mhl/mhl.h"

#include <string.h>

const char *const mhl_names[MHL_KINDS] = {"c4", "md5", "sha1", "xxh128", "xxh3", "xxh64"};
static const size_t sizes[MHL_KINDS] = {64, 16, 20, 16, 8, 8};

bool mhl_kind_named(text name, enum mhl_kind *kind)
{
    for (int i = 0; i < MHL_KINDS; i++)
        if (text_is(name, mhl_names[i])) {
            *kind = (enum mhl_kind)i;
            return true;
        }
    return false;
}

bool mhl_kinds_read(const char *said, bool *kinds, struct error *err)
{
    text rest = text_of(said ? said : "xxh64");
    while (rest.size) {
        text word = text_trim(text_cut(&rest, ','));
        enum mhl_kind kind;
        if (!mhl_kind_named(word, &kind)) {
            error_set(err, ERROR_INPUT, "there is no digest \"%.*s\"", (int)word.size, word.at);
            return error_fix(err, "c4, md5, sha1, xxh128, xxh3 or xxh64, with commas between");
        }
        kinds[kind] = true;
    }
    return true;
}

struct mhl_entry *mhl_add(struct mhl_list *list, struct arena *a)
{
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 64;
        struct mhl_entry *more = ARENA_ARRAY(a, struct mhl_entry, room);
        if (list->count)
            memcpy(more, list->entries, list->count * sizeof(*more));
        list->entries = more, list->room = room;
    }
    struct mhl_entry *e = &list->entries[list->count++];
    e->size = -1;
    return e;
}

// ---- C4: "c4", then 88 digits of base 58 (SMPTE ST 2114)

static const char digits58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

void c4_text(const uint8_t sha512[64], char to[C4_SIZE])
{
    uint8_t left[64];
    memcpy(left, sha512, sizeof(left));
    memcpy(to, "c4", 2);
    to[C4_SIZE - 1] = 0;
    for (int place = C4_SIZE - 2; place >= 2; place--) {
        unsigned rest = 0;
        for (size_t i = 0; i < sizeof(left); i++) {
            rest = rest << 8 | left[i];
            left[i] = (uint8_t)(rest / 58);
            rest %= 58;
        }
        to[place] = digits58[rest];
    }
}

bool c4_bytes(text id, uint8_t sha512[64])
{
    memset(sha512, 0, 64);
    if (id.size != C4_SIZE - 1 || id.at[0] != 'c' || id.at[1] != '4')
        return false;
    for (size_t i = 2; i < id.size; i++) {
        const char *digit = id.at[i] ? strchr(digits58, id.at[i]) : NULL;
        if (!digit)
            return false;
        unsigned carry = (unsigned)(digit - digits58);
        for (int k = 63; k >= 0; k--) {
            carry += sha512[k] * 58u;
            sha512[k] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry)
            return false;
    }
    return true;
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool mhl_digest_bytes(enum mhl_kind kind, text digest, uint8_t to[64], size_t *size)
{
    *size = sizes[kind];
    if (kind == MHL_C4)
        return c4_bytes(digest, to);
    if (digest.size != sizes[kind] * 2)
        return false;
    for (size_t i = 0; i < sizes[kind]; i++) {
        int high = hex(digest.at[2 * i]), low = hex(digest.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        to[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool mhl_path_good(const char *path)
{
    text rest = text_of(path);
    if (!rest.size || rest.at[0] == '/')
        return false;
    while (rest.size) {
        text part = text_cut(&rest, '/');
        if (!part.size || text_is(part, ".") || text_is(part, ".."))
            return false;
    }
    return true;
}
