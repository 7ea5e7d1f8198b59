#include "farm/gpus.h"
#include "base/log.h"
#include "farm/launch/ask.h"
#include "plat/files.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { SMI_MS = 20000, SMI_BYTES = 64 << 10, MIB_MOST = 1 << 26 };

// "24 GiB" in MiB.
static bool size_mib(text said, int64_t *mib)
{
    static const struct {
        const char *unit;
        int64_t bytes;
    } units[] = {{"MiB", 1 << 20}, {"GiB", 1 << 30}, {"MB", 1000000}, {"GB", 1000000000}};
    size_t digits = 0;
    int64_t number;
    while (digits < said.size && isdigit((unsigned char)said.at[digits]))
        digits++;
    if (!text_int((text){said.at, digits}, &number) || number < 0 || number > MIB_MOST)
        return false;
    text unit = text_trim((text){said.at + digits, said.size - digits});
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (text_is(unit, units[i].unit)) {
            *mib = number * units[i].bytes / (1 << 20);
            return true;
        }
    return false;
}

static bool add(struct gpus *g, int64_t count, int64_t mib)
{
    if (count < 0 || count > GPUS_MOST - g->count)
        return false;
    while (count-- > 0)
        g->memory_mib[g->count++] = mib;
    return true;
}

bool gpus_said(text said, struct gpus *g)
{
    *g = (struct gpus){0};
    if (!text_trim(said).size)
        return false;
    while (said.size) {
        text one = text_trim(text_cut(&said, ','));
        int64_t count, mib = 0;
        if (text_int(one, &count)) { // alone: how many
            if (!add(g, count, 0))
                return false;
            continue;
        }
        const char *times = memchr(one.at, 'x', one.size);
        text number = {one.at, times ? (size_t)(times - one.at) : 0};
        text size = times ? text_trim((text){times + 1, one.size - number.size - 1}) : one;
        count = 1;
        if ((times && !text_int(text_trim(number), &count)) || !size_mib(size, &mib) ||
            !add(g, count, mib))
            return false;
    }
    return true;
}

// By their indexes: what is left out is not there for us, but keeps its number.
bool gpus_smi(text said, struct gpus *g)
{
    *g = (struct gpus){0};
    while (said.size) {
        text line = text_trim(text_cut(&said, '\n'));
        if (!line.size)
            continue;
        text first = text_trim(text_cut(&line, ','));
        int64_t index, mib = 0;
        if (!text_int(first, &index) || index != g->count || index >= GPUS_MOST)
            return false;
        if (!text_int(text_trim(line), &mib) || mib < 0 || mib > MIB_MOST)
            mib = 0; // "[N/A]"
        g->memory_mib[g->count++] = mib;
    }
    return true;
}

static int names_in(const char *folder, const char *start)
{
    int count = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));)
        count += e->d_name[0] != '.' && strncmp(e->d_name, start, strlen(start)) == 0;
    if (d)
        closedir(d);
    return count;
}

static void amd(const char *root, struct gpus *g)
{
    char path[PATH_MAX];
    for (int card = 0; card < GPUS_MOST && g->count < GPUS_MOST; card++) {
        struct buf content = BUF_LIMIT(4096);
        struct error none;
        int64_t bytes;
        snprintf(path, sizeof(path), "%s/sys/class/drm/card%d/device/mem_info_vram_total", root,
                 card);
        if (file_read(path, &content, &none) && content.at &&
            text_int(text_trim((text){content.at, content.size}), &bytes) && bytes > 0)
            g->memory_mib[g->count++] = bytes / (1 << 20);
        buf_free(&content);
    }
}

void gpus_of_drivers(const char *root, struct gpus *g)
{
    char path[PATH_MAX];
    *g = (struct gpus){0};
    snprintf(path, sizeof(path), "%s/proc/driver/nvidia/gpus", root);
    int count = names_in(path, "");
    if (count)
        (void)add(g, count < GPUS_MOST ? count : GPUS_MOST, 0);
    else
        amd(root, g);
}

static bool ask_smi(struct gpus *g)
{
    struct error err;
    struct buf said = BUF_LIMIT(SMI_BYTES);
    char path[PATH_MAX];
    if (!program_find("nvidia-smi", "", path, sizeof(path), &err))
        return false;
    const char *const words[] = {path, "--query-gpu=index,memory.total",
                                 "--format=csv,noheader,nounits", NULL};
    struct program_wish wish = {
        .arguments = words, .timeout_ms = SMI_MS, .doing = "asking nvidia-smi for GPUs"};
    bool ok = program_ask(&wish, &said, NULL, &err);
    if (!ok)
        log_problem("gpus.ask", &err);
    else if (!gpus_smi((text){said.at ? said.at : "", said.size}, g))
        log_warn("gpus.ask", "why=\"what nvidia-smi says can not be read\"");
    else
        ok = g->count > 0;
    buf_free(&said);
    return ok && g->count > 0;
}

bool gpus_find(const char *said, struct gpus *g, struct error *err)
{
    *g = (struct gpus){0};
    if (said && *said) {
        if (gpus_said(text_of(said), g))
            return true;
        error_set(err, ERROR_USAGE, "worker.gpus can not be '%s'", said);
        return error_fix(err, "say 0, 2, '2 x 24 GiB' or '24 GiB, 12 GiB' (at most %d)", GPUS_MOST);
    }
    if (!ask_smi(g))
        gpus_of_drivers("", g);
    return true;
}

int64_t gpus_least_mib(const struct gpus *g)
{
    int64_t least = g->count ? g->memory_mib[0] : 0;
    for (int i = 1; i < g->count; i++)
        least = g->memory_mib[i] < least ? g->memory_mib[i] : least;
    return least;
}

struct gpus_text gpus_text(uint64_t bits)
{
    struct gpus_text t = {0};
    size_t size = 0;
    for (int i = 0; i < 64; i++)
        if (bits >> i & 1)
            size +=
                (size_t)snprintf(t.text + size, sizeof(t.text) - size, "%s%d", size ? "," : "", i);
    return t;
}
