// What FTP clients say, taken apart.
#include "doors/ftps.h"
#include "doors/sftp.h"

#include <stdio.h>
#include <string.h>

bool ftp_command(text line, char verb[8], char *rest, size_t room)
{
    size_t size = 0;
    while (size < line.size && size < 7 && line.at[size] != ' ') {
        char c = line.at[size];
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 32);
        if (c < 'A' || c > 'Z')
            return false;
        verb[size++] = c;
    }
    verb[size] = 0;
    if (!size || (size < line.size && line.at[size] != ' '))
        return false;
    text behind = {line.at + size, line.size - size};
    while (behind.size && *behind.at == ' ')
        behind.at++, behind.size--;
    return text_utf8(behind) && text_copy(behind, rest, room);
}

bool ftp_path(const char *folder, const char *sent, char *to, size_t room)
{
    char both[8300];
    if (sent[0] == '/')
        return sftp_path(sent, to, room);
    int size = snprintf(both, sizeof(both), "%s/%s", folder, sent);
    return size > 0 && (size_t)size < sizeof(both) && sftp_path(both, to, room);
}

bool ftp_ports(const char *written, int *first, int *last)
{
    text rest = text_of(written), from = text_cut(&rest, '-');
    int64_t a = 0, b = 0;
    *first = *last = 0;
    if (!written[0])
        return true;
    if (!text_int(text_trim(from), &a) || !text_int(text_trim(rest), &b) || a < 1 || b < a ||
        b > 65535)
        return false;
    *first = (int)a;
    *last = (int)b;
    return true;
}
