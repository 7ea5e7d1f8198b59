// Paths as SFTP clients send them: relative to where they began, which is the top.
#include "doors/sftp.h"

#include "base/text.h"

#include <string.h>

bool sftp_path(const char *sent, char *to, size_t room)
{
    size_t size = 0;
    if (!sent || !room || strlen(sent) > 4096 || !text_utf8(text_of(sent)))
        return false;
    to[0] = 0;
    for (text rest = text_of(sent); rest.size;) {
        text part = text_cut(&rest, '/');
        if (!part.size || text_is(part, "."))
            continue;
        if (text_is(part, "..")) {
            char *slash = strrchr(to, '/');
            size = slash ? (size_t)(slash - to) : 0;
            to[size] = 0;
            continue;
        }
        if (size + part.size + 2 > room)
            return false;
        to[size++] = '/';
        memcpy(to + size, part.at, part.size);
        size += part.size;
        to[size] = 0;
    }
    if (!size && room < 2)
        return false;
    if (!size)
        memcpy(to, "/", 2);
    return true;
}
