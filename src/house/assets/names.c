#include "house/assets/inside.h"
#include "plat/clock.h"

#include <ctype.h>
#include <string.h>

bool name_acceptable(const char *what, const char *name, struct error *err)
{
    text t = text_of(name);
    const char *why = NULL;
    if (text_trim(t).size == 0)
        why = "it is empty";
    else if (t.size > 255)
        why = "it is longer than 255 bytes";
    else if (!text_utf8(t))
        why = "it is not valid UTF-8";
    else if (strchr(name, '/'))
        why = "it has a / in it";
    else if (text_is(t, ".") || text_is(t, ".."))
        why = "it stands for a folder of the system";
    for (size_t i = 0; i < t.size && !why; i++)
        if ((unsigned char)t.at[i] < ' ' || t.at[i] == 127)
            why = "it has a control character in it, such as a line end";
    if (!why)
        return true;
    error_set(err, ERROR_INPUT, "that can not be the name of a %s", what);
    error_why(err, "%s", why);
    return error_fix(err, "choose another name");
}

// Each run of digits becomes its length (two digits) and the digits without leading zeros: numbers
// of any size compare as numbers. The name itself follows, so that different names differ.
const char *name_sort_key(struct arena *a, const char *name)
{
    struct buf key = BUF_LIMIT(4096);
    for (const char *at = name; *at;) {
        if (!isdigit((unsigned char)*at)) {
            char c = (char)tolower((unsigned char)*at++);
            buf_add(&key, &c, 1);
            continue;
        }
        size_t size = strspn(at, "0123456789");
        const char *digits = at + strspn(at, "0");
        size_t zeros = (size_t)(digits - at) < size ? (size_t)(digits - at) : size;
        buf_format(&key, "%03d%.*s", (int)(size - zeros), (int)(size - zeros), at + zeros);
        at += size;
    }
    buf_format(&key, "\x01%s", name);
    const char *made = arena_copy(a, key.at, key.size);
    buf_free(&key);
    return made;
}

const char *search_words(struct arena *a, const char *name)
{
    struct buf words = BUF_LIMIT(4096);
    buf_text(&words, name);
    buf_text(&words, " ");
    for (const char *at = name; *at; at++) {
        bool split = at > name && !(*at & 0x80) && !(at[-1] & 0x80) &&
                     isdigit((unsigned char)*at) != isdigit((unsigned char)at[-1]);
        if (split)
            buf_text(&words, " ");
        buf_add(&words, strchr("_.-", *at) ? " " : at, 1);
    }
    // "012" is found as 12 too
    for (const char *at = name; *at; at++)
        if (*at == '0' && (at == name || !isdigit((unsigned char)at[-1]))) {
            size_t size = strspn(at, "0123456789"), zeros = strspn(at, "0");
            buf_format(&words, " %.*s", (int)(size - zeros), at + zeros);
        }
    const char *made = arena_copy(a, words.at, words.size);
    buf_free(&words);
    return made;
}

bool say(struct db_tx *tx, const char *kind, const char *project, const char *subject,
         struct error *err)
{
    return db_event(tx, kind, project, subject, NULL, err);
}

json_t *hash_json(struct db_rows *rows, int column)
{
    size_t size;
    const void *at = db_blob(rows, column, &size);
    sha256 hash;
    if (!at || size != SHA256_SIZE)
        return json_null();
    memcpy(hash.at, at, SHA256_SIZE);
    return json_string(sha256_text(&hash).text);
}

json_t *time_json(int64_t at_ms)
{
    return at_ms ? json_string(clock_text(at_ms).text) : json_null();
}
