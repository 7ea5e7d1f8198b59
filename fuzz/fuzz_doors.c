// What doors take apart themselves: paths of SFTP and FTP clients, FTP's commands, ranges of ports,
// lines of public keys. A path never leaves the top.
#include "base/arena.h"
#include "doors/ftps.h"
#include "doors/sftp.h"
#include "house/people/people.h"

#include <stdlib.h>
#include <string.h>

static void fine(const char *path)
{
    char again[5000];
    if (path[0] != '/' || strstr(path, "//") || strstr(path, "/../") || strstr(path, "/./") ||
        !sftp_path(path, again, sizeof(again)) || strcmp(path, again) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct arena *a = arena_open((size_t)64 << 20);
    struct people_key key, same;
    struct error err;
    char path[4200], verb[8], rest[300];
    int first, last;
    text bytes = {(const char *)at, size};
    const char *words = arena_copy(a, bytes.at, size);
    if (sftp_path(words, path, sizeof(path)))
        fine(path);
    if (ftp_path("/Film/Day 1", words, path, sizeof(path)))
        fine(path);
    if (ftp_command(bytes, verb, rest, sizeof(rest)) && (!verb[0] || strlen(rest) > size))
        abort();
    if (ftp_ports(words, &first, &last) && (first < 0 || last < first || last > 65535))
        abort();
    if (people_key_read(bytes, &key, &err)) {
        const char *line = arena_format(a, "%s %s %s", key.kind, key.body, key.name);
        if (!people_key_read(text_of(line), &same, &err) || strcmp(key.body, same.body) != 0)
            abort();
    }
    arena_close(a);
    return 0;
}
