#include "cmd/settings.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct setting settings[] = {
    {.name = "house.folder",
     .type = SETTING_TEXT,
     .value = "./house",
     .help = "where the house keeps its state and media"},
    {.name = "house.name",
     .type = SETTING_TEXT,
     .value = "Posthouse",
     .help = "what the page calls it"},
    {.name = "listen",
     .type = SETTING_TEXT,
     .value = "127.0.0.1",
     .help = "address to listen on; 0.0.0.0 for all"},
    {.name = "port", .type = SETTING_INT, .value = "8480", .help = "port of the page and the API"},
    {.name = "media.port", .type = SETTING_INT, .value = "8481", .help = "port that serves media"},
    {.name = "tls",
     .type = SETTING_BOOL,
     .value = "off",
     .help = "speak TLS; with a certificate of its own unless one is given"},
    {.name = "tls.certificate",
     .type = SETTING_TEXT,
     .value = "",
     .help = "PEM file of the certificate chain"},
    {.name = "tls.key", .type = SETTING_TEXT, .value = "", .help = "PEM file of its key"},
    {.name = "data.folder",
     .type = SETTING_TEXT,
     .value = "",
     .help = "where profiles and migrations lie; found by itself when empty"},
    {.name = "web.folder",
     .type = SETTING_TEXT,
     .value = "",
     .help = "where the built page lies; found by itself when empty"},
    {.name = "sandbox",
     .type = SETTING_BOOL,
     .value = "on",
     .help = "open media only in a sandbox; off where a machine can not have one"},
    {.name = "store.reserve",
     .type = SETTING_SIZE,
     .value = "1 GiB",
     .help = "kept free on the disk of the store"},
    {.name = "worker.slots",
     .type = SETTING_INT,
     .value = "0",
     .help = "tasks that a worker runs at once; 0: as many as cores"},
    {.name = "worker.orphan",
     .type = SETTING_TIME_MS,
     .value = "12 h",
     .help = "how long a worker waits for a house that is away"},
    {.name = "trusted.proxies",
     .type = SETTING_TEXT,
     .value = "",
     .help = "addresses whose X-Forwarded-For is believed, with commas"},
    {.name = "log.level",
     .type = SETTING_TEXT,
     .value = "info",
     .help = "error, warn, info or debug"},
};
const size_t setting_count = sizeof(settings) / sizeof(settings[0]);

// A folder as the setting says, else the first of two places beside the program that has `sample`.
static bool find_folder(const struct config *c, const char *setting, const char *const places[2],
                        const char *sample, char *to, size_t room)
{
    const char *given = config_text(c, setting);
    if (given[0])
        return (size_t)snprintf(to, room, "%s", given) < room;
    char self[4096];
    ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (size <= 0)
        return false;
    self[size] = 0;
    *strrchr(self, '/') = 0;
    for (size_t i = 0; i < 2; i++) {
        struct stat seen;
        if ((size_t)snprintf(to, room, "%s/%s/%s", self, places[i], sample) < room &&
            stat(to, &seen) == 0) {
            to[strlen(to) - strlen(sample) - 1] = 0;
            return true;
        }
    }
    return false;
}

bool settings_data_folder(const struct config *c, char *to, size_t room)
{
    return find_folder(c, "data.folder", (const char *const[2]){"../data", "../share/posthouse"},
                       "profiles", to, room);
}

bool settings_web_folder(const struct config *c, char *to, size_t room)
{
    return find_folder(c, "web.folder", (const char *const[2]){"web", "../share/posthouse/web"},
                       "index.html", to, room);
}
