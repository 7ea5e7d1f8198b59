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
    {.name = "staged.outputs",
     .type = SETTING_TEXT,
     .value = "",
     .help = "folders that the house brings frames of staged jobs to, commas between; empty: any"},
    {.name = "staged.keep",
     .type = SETTING_TIME_MS,
     .value = "3 d",
     .help =
         "how long files of staged jobs stay after their job has ended; then it can not be tried "
         "again"},
    {.name = "worker.disks",
     .type = SETTING_BOOL,
     .value = "on",
     .help = "off: a worker shares no disk with the house; all that it reads and makes goes over "
             "the wire"},
    {.name = "worker.tickets",
     .type = SETTING_BOOL,
     .value = "on",
     .help = "off: a worker makes no proxies, deliverables and checks, only what was submitted"},
    {.name = "worker.cache",
     .type = SETTING_SIZE,
     .value = "50 GiB",
     .help = "what a worker keeps at most of what it fetched"},
    {.name = "worker.cache.folder",
     .type = SETTING_TEXT,
     .value = "",
     .help = "where; empty: in the house's folder, or below TMPDIR for a house elsewhere"},
    {.name = "worker.paths",
     .type = SETTING_TEXT,
     .value = "",
     .help = "where this machine sees shared folders: /show=/mnt/show, more with commas"},
    {.name = "worker.slots",
     .type = SETTING_INT,
     .value = "0",
     .help = "tasks that a worker runs at once; 0: as many as cores"},
    {.name = "worker.orphan",
     .type = SETTING_TIME_MS,
     .value = "12 h",
     .help = "how long a worker waits for a house that is away"},
    {.name = "worker",
     .type = SETTING_BOOL,
     .value = "on",
     .help = "serve starts a worker on its own machine"},
    {.name = "worker.idle",
     .type = SETTING_TIME_MS,
     .value = "0 s",
     .help = "a worker leaves after so long without a task; 0: never"},
    {.name = "worker.tasks",
     .type = SETTING_INT,
     .value = "0",
     .help = "a worker leaves after so many tasks; 0: any number"},
    {.name = "worker.hours",
     .type = SETTING_TEXT,
     .value = "",
     .help = "with --desk: when it may work, '19:00-08:00, Sat, Sun'; empty: always"},
    {.name = "worker.away",
     .type = SETTING_TIME_MS,
     .value = "10 min",
     .help = "with --desk: without keyboard and mouse for so long, its user is away"},
    {.name = "worker.idle_command",
     .type = SETTING_TEXT,
     .value = "",
     .help = "with --desk: a program that prints the seconds since the last input, or ends with 0 "
             "when idle"},
    {.name = "worker.give_back",
     .type = SETTING_TIME_MS,
     .value = "15 min",
     .help = "with --desk: what is paused for so long is given back; 0: never"},
    {.name = "worker.gpus",
     .type = SETTING_TEXT,
     .value = "",
     .help = "of this machine: 0, 2, '2 x 24 GiB' or '24 GiB, 12 GiB'; empty: as they are found"},
    {.name = "worker.price",
     .type = SETTING_TEXT,
     .value = "",
     .help = "what this machine costs for an hour, '0.19 USD': counts against budgets of jobs"},
    {.name = "launch",
     .type = SETTING_TEXT,
     .value = "local",
     .help = "who starts more workers (posthouse nodes): local or slurm"},
    {.name = "launch.kind",
     .type = SETTING_TEXT,
     .value = "glide-in",
     .help = "glide-in: a worker has a machine and pulls tasks; native: a worker for each task"},
    {.name = "launch.most",
     .type = SETTING_INT,
     .value = "0",
     .help = "workers that may be launched at once"},
    {.name = "launch.least", .type = SETTING_INT, .value = "0", .help = "and that are kept always"},
    {.name = "launch.slots",
     .type = SETTING_INT,
     .value = "0",
     .help = "tasks at once of each; 0: as many as cores"},
    {.name = "launch.cores",
     .type = SETTING_INT,
     .value = "0",
     .help = "cores to ask Slurm for; 0: whole machines"},
    {.name = "launch.idle",
     .type = SETTING_TIME_MS,
     .value = "5 min",
     .help = "a machine is given back after so long without a task"},
    {.name = "launch.boot",
     .type = SETTING_TIME_MS,
     .value = "10 min",
     .help = "a machine whose worker has not come after so long is given back"},
    {.name = "launch.life",
     .type = SETTING_TIME_MS,
     .value = "0 s",
     .help = "longest life of a worker under Slurm; 0: as the partition says"},
    {.name = "launch.partition", .type = SETTING_TEXT, .value = "", .help = "of Slurm"},
    {.name = "launch.account", .type = SETTING_TEXT, .value = "", .help = "of Slurm"},
    {.name = "launch.options",
     .type = SETTING_TEXT,
     .value = "",
     .help = "more words for sbatch, spaces between"},
    {.name = "launch.url",
     .type = SETTING_TEXT,
     .value = "",
     .help = "the house as those machines reach it; empty: as it listens"},
    {.name = "launch.token",
     .type = SETTING_TEXT,
     .value = "",
     .help = "file with a worker's token, as they see it; empty: the house's worker.token"},
    {.name = "launch.program",
     .type = SETTING_TEXT,
     .value = "",
     .help = "posthouse as they see it; empty: this one"},
    {.name = "launch.notice",
     .type = SETTING_TEXT,
     .value = "",
     .help =
         "program on the machines that tells when one is about to go (libexec/posthouse-cloud-*)"},
    {.name = "launch.cloud",
     .type = SETTING_TEXT,
     .value = "",
     .help = "program that lists and ends a provider's machines: those without work are reaped"},
    {.name = "launch.price",
     .type = SETTING_TEXT,
     .value = "0",
     .help = "of one machine for an hour, '0.19 USD': for launch.budget and budgets of jobs"},
    {.name = "launch.budget",
     .type = SETTING_TEXT,
     .value = "",
     .help = "for all machines in a month; empty: no limit"},
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
