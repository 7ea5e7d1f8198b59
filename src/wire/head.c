#include "wire/head.h"

#include <string.h>
#include <strings.h>

static bool refuse(struct head_fault *f, int status, const char *what, const char *why,
                   const char *fix)
{
    *f = (struct head_fault){status, what, why, fix};
    return false;
}

static bool malformed(struct head_fault *f, const char *why)
{
    return refuse(f, 400, "the request is malformed", why,
                  "check the client or the proxy before it");
}

static bool uri_too_long(struct head_fault *f)
{
    return refuse(f, 414, "the address is too long", "at most 8 KiB are read", "shorten the query");
}

static bool too_big(struct head_fault *f)
{
    return refuse(f, 431, "the request's headers are too big", "at most 24 KiB are read",
                  "delete this site's cookies and try again");
}

// RFC 9110 5.6.2
static bool token_char(unsigned char c)
{
    return c > 0x20 && c < 0x7f && !strchr("\"(),/:;<=>?@[\\]{}", c);
}

// ---- Where it ends -------------------------------------------------------------------------

int64_t head_find(text in, size_t *seen, struct head_fault *fault)
{
    *fault = (struct head_fault){0};
    const char *at = in.at + *seen, *end = in.at + in.size, *start = in.at, *mark;
    while (end - start >= 2 && memcmp(start, "\r\n", 2) == 0)
        start += 2; // empty lines before the request are passed over (2.2)
    while (at < end && (mark = memchr(at, '\n', (size_t)(end - at)))) {
        if (mark == in.at || mark[-1] != '\r') {
            malformed(fault, "a line ends with LF alone (RFC 9112, 2.2)");
            return -1;
        }
        if (mark == at + 1 && at >= start)
            return mark + 1 - in.at;
        at = mark + 1;
        *seen = (size_t)(at - in.at);
    }
    if (in.size > HEAD_LIMIT || (!*seen && in.size > URI_LIMIT + 64)) {
        if (*seen)
            too_big(fault);
        else
            uri_too_long(fault);
        return -1;
    }
    return 0;
}

// ---- The request line and the fields -------------------------------------------------------

// Cuts a line off, without its CR LF; a 0 stands in place of the CR.
static char *line_cut(char **at)
{
    char *line = *at, *mark = strchr(line, '\n');
    if (!mark || mark == line)
        return NULL;
    mark[-1] = 0;
    *at = mark + 1;
    return line;
}

static bool request_line(char *line, struct head *h, struct head_fault *f)
{
    char *uri = strchr(line, ' '), *version = uri ? strchr(uri + 1, ' ') : NULL;
    if (!version || uri == line || version == uri + 1)
        return malformed(f, "the first line is not METHOD ADDRESS HTTP/1.1 (RFC 9112, 3)");
    *uri++ = *version++ = 0;
    for (const char *at = line; *at; at++)
        if (!token_char((unsigned char)*at) || at - line > 30)
            return malformed(f, "the method has characters that are not allowed, or is too long");
    for (const unsigned char *at = (const unsigned char *)uri; *at; at++)
        if (*at <= 0x20 || *at == 0x7f)
            return malformed(f, "the address has characters that are not allowed");
    h->method = line;
    if (strlen(uri) > URI_LIMIT)
        return uri_too_long(f);
    h->uri = uri;
    if (strncmp(version, "HTTP/", 5) != 0)
        return malformed(f, "the first line does not end in HTTP/1.1 (RFC 9112, 2.3)");
    if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
        return refuse(f, 505, "this version of HTTP is not spoken here",
                      "only HTTP/1.1 and HTTP/1.0 are", "ask with HTTP/1.1");
    h->minor = version[7] - '0';
    return true;
}

static bool field_read(char *line, struct field *to, struct head_fault *f)
{
    char *colon = strchr(line, ':');
    if (!colon || colon == line)
        return malformed(f, "a header has no name, or goes on in the next line (RFC 9112, 5)");
    for (const char *at = line; at < colon; at++)
        if (!token_char((unsigned char)*at))
            return malformed(f, "a header's name has characters that are not allowed");
    *colon = 0;
    char *value = colon + 1 + strspn(colon + 1, " \t"), *end = value + strlen(value);
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = 0;
    for (const unsigned char *at = (const unsigned char *)value; *at; at++)
        if ((*at < 0x20 && *at != '\t') || *at == 0x7f)
            return malformed(f, "a header has characters that are not allowed");
    *to = (struct field){line, value};
    return true;
}

// ---- How the body is told (RFC 9112, 6.3) and who is asked (3.2) -----------------------------

static bool length_read(const char *value, int64_t *length)
{
    for (const char *at = value; *at; at++)
        if (*at < '0' || *at > '9') // also "+3", "3, 3"
            return false;
    return text_int(text_of(value), length);
}

static bool framing(struct head *h, struct head_fault *f)
{
    const char *encoding = NULL, *length = NULL;
    int hosts = 0, lengths = 0, encodings = 0;
    for (size_t i = 0; i < h->count; i++) {
        const struct field *one = &h->fields[i];
        hosts += strcasecmp(one->name, "Host") == 0;
        if (strcasecmp(one->name, "Content-Length") == 0)
            length = one->value, lengths++;
        else if (strcasecmp(one->name, "Transfer-Encoding") == 0)
            encoding = one->value, encodings++;
    }
    if (hosts > 1 || (hosts == 0 && h->minor == 1))
        return malformed(f, hosts ? "Host stands twice" : "Host is missing (RFC 9112, 3.2)");
    if (lengths > 1 || encodings > 1 || (lengths && encodings))
        return malformed(f, "it says its length in two ways (RFC 9112, 6.3)");
    if (length && !length_read(length, &h->length))
        return malformed(f, "Content-Length is not a number");
    if (encoding && h->minor == 0)
        return malformed(f, "HTTP/1.0 knows no Transfer-Encoding (RFC 9112, 6.1)");
    if (encoding && strcasecmp(encoding, "chunked") != 0)
        return refuse(f, 501, "this transfer encoding is not known", "only chunked is read",
                      "send the body plain or chunked");
    if (encoding)
        h->length = -1;
    return true;
}

bool head_read(struct arena *a, text whole, struct head *h, struct head_fault *fault)
{
    *h = (struct head){.method = "", .uri = "/", .minor = 1, .close = true};
    *fault = (struct head_fault){0};
    if (memchr(whole.at, 0, whole.size))
        return malformed(fault, "it has a NUL in its head");
    char *at = arena_copy(a, whole.at, whole.size), *line;
    at += strspn(at, "\r\n");
    size_t lines = 0;
    for (const char *mark = at; (mark = strchr(mark, '\n')); mark++)
        lines++;
    h->fields = ARENA_ARRAY(a, struct field, lines + 1);
    line = line_cut(&at);
    if (!line || !request_line(line, h, fault))
        return line ? false : malformed(fault, "it is empty");
    if (whole.size > HEAD_LIMIT || lines > FIELD_LIMIT + 2)
        return too_big(fault);
    while ((line = line_cut(&at)) && *line) {
        if (!field_read(line, &h->fields[h->count], fault))
            return false;
        h->count++;
    }
    if (!framing(h, fault))
        return false;
    const char *connection = head_field(h, "Connection");
    h->close =
        h->minor == 0 ? !head_listed(connection, "keep-alive") : head_listed(connection, "close");
    return true;
}

const char *head_field(const struct head *h, const char *name)
{
    for (size_t i = 0; i < h->count; i++)
        if (strcasecmp(h->fields[i].name, name) == 0)
            return h->fields[i].value;
    return NULL;
}

bool head_listed(const char *list, const char *word)
{
    text rest = text_of(list);
    size_t size = strlen(word);
    while (rest.size) {
        text one = text_trim(text_cut(&rest, ','));
        if (one.size == size && strncasecmp(one.at, word, size) == 0)
            return true;
    }
    return false;
}

// ---- Chunks (RFC 9112, 7.1) ----------------------------------------------------------------

enum {
    C_SIZE,
    C_EXTENSION,
    C_SIZE_LF,
    C_DATA,
    C_DATA_CR,
    C_DATA_LF,
    C_TRAILER,
    C_TRAILER_LF,
    C_ENDED
};
enum { EXTRA_LIMIT = 8 << 10, CHUNK_LIMIT_BITS = 48 };

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool size_char(struct chunks *c, char one)
{
    int digit = hex(one);
    if (digit >= 0) {
        c->left = c->left * 16 + digit;
        c->digits = true;
        return c->left >> CHUNK_LIMIT_BITS == 0;
    }
    c->state = one == '\r' ? C_SIZE_LF : C_EXTENSION;
    return c->digits && (one == '\r' || one == ';' || one == ' ' || one == '\t');
}

// Everything but data, a byte at a time; it is short.
static bool frame_char(struct chunks *c, char one)
{
    switch (c->state) {
    case C_SIZE:
        return size_char(c, one);
    case C_EXTENSION:
        if (one == '\r')
            c->state = C_SIZE_LF;
        return one != '\n' && ++c->extra < EXTRA_LIMIT;
    case C_SIZE_LF:
        c->state = c->left ? C_DATA : C_TRAILER;
        c->line_size = 0;
        return one == '\n';
    case C_DATA_CR:
        c->state = C_DATA_LF;
        return one == '\r';
    case C_DATA_LF:
        c->state = C_SIZE;
        c->digits = false;
        return one == '\n';
    case C_TRAILER:
        if (one == '\r')
            c->state = C_TRAILER_LF;
        else
            c->line_size++;
        return one != '\n' && ++c->extra < EXTRA_LIMIT;
    default: // C_TRAILER_LF
        c->state = c->line_size ? C_TRAILER : C_ENDED;
        c->line_size = 0;
        return one == '\n';
    }
}

bool chunks_read(struct chunks *c, text in, size_t *taken, char *to, size_t room, size_t *given)
{
    *taken = *given = 0;
    while (*taken < in.size && c->state != C_ENDED) {
        if (c->state != C_DATA) {
            if (!frame_char(c, in.at[(*taken)++]))
                return false;
            continue;
        }
        size_t size = in.size - *taken;
        size = size < room - *given ? size : room - *given;
        size = (int64_t)size < c->left ? size : (size_t)c->left;
        if (!size)
            break; // no more room
        memcpy(to + *given, in.at + *taken, size);
        *taken += size;
        *given += size;
        c->left -= (int64_t)size;
        if (!c->left)
            c->state = C_DATA_CR;
    }
    return true;
}

bool chunks_ended(const struct chunks *c)
{
    return c->state == C_ENDED;
}
