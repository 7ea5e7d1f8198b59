/*
 * Names by which cameras cut one recording into files.
 *
 *   RED     NAME_001.R3D, NAME_002.R3D, ...
 *   GoPro   since HERO6 GXccnnnn.MP4 and GHccnnnn.MP4, chapter cc of video nnnn from 01; before
 * that GOPRnnnn.MP4 and then GPccnnnn.MP4 from 01
 */
#include "formats/camera/camera.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool digits(const char *at, int count)
{
    for (int i = 0; i < count; i++)
        if (!isdigit((unsigned char)at[i]))
            return false;
    return true;
}

static int two(const char *at)
{
    return (at[0] - '0') * 10 + at[1] - '0';
}

bool camera_span(const char *name, struct camera_span *s)
{
    const char *slash = strrchr(name, '/');
    name = slash ? slash + 1 : name;
    size_t size = strlen(name);
    *s = (struct camera_span){.first = 1};
    if (size > 8 && size - 8 + 6 < sizeof(s->key) && strcasecmp(name + size - 4, ".R3D") == 0 &&
        name[size - 8] == '_' && digits(name + size - 7, 3)) {
        snprintf(s->key, sizeof(s->key), "red %.*s", (int)(size - 8), name);
        snprintf(s->name, sizeof(s->name), "%.*s.R3D", (int)(size - 8), name);
        s->part = atoi(name + size - 7);
    } else if (size == 12 && strcasecmp(name + 8, ".MP4") == 0 &&
               toupper((unsigned char)name[0]) == 'G') {
        bool newer = strchr("HXL", toupper((unsigned char)name[1])) && digits(name + 2, 6);
        bool head = strncasecmp(name, "GOPR", 4) == 0 && digits(name + 4, 4);
        bool tail = toupper((unsigned char)name[1]) == 'P' && digits(name + 2, 6);
        if (!newer && !head && !tail)
            return false;
        snprintf(s->key, sizeof(s->key), "gopro %c%s", newer ? name[1] : 'P', name + 4);
        s->first = newer;
        s->part = head ? 0 : two(name + 2);
        snprintf(s->name, sizeof(s->name), "%s", name);
    } else {
        return false;
    }
    for (char *c = s->key; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return s->part >= s->first;
}
