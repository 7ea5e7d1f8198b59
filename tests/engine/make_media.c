#include "test.h"

#include "make_media.h"
#include "tickets/make.h"
#include "tickets/run.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/posthouse-engine-test-XXXXXX";

const char *media_folder(void)
{
    return folder;
}

bool media_mine(size_t i)
{
    const char *half = getenv("MEDIA_HALF");
    return !half || i % 2 == (size_t)atoi(half);
}

int media_begin(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    return mkdtemp(folder) ? 0 : -1;
}

int media_end(void **state)
{
    (void)state;
    char command[300];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

// ---- what is wrong: a table is gone through to its end, so that all its bad rows show

static int wrong_count;

void media_wrong(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fprintf(stderr, "WRONG: ");
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    wrong_count++;
}

int media_none_wrong(void **state)
{
    (void)state;
    int count = wrong_count;
    wrong_count = 0;
    return count;
}

// ---- drawing

static uint8_t below_bars(const struct clip *c, int x, int row, int number)
{
    int late = c->look == LOOK_TOP_FIRST ? row & 1 : c->look == LOOK_BOTTOM_FIRST ? !(row & 1) : 0;
    if (c->look == LOOK_PATCHES)
        return (uint8_t)(16 + 27 * (x * 8 / c->width));
    if (c->look == LOOK_FRAMES)
        return (uint8_t)(60 + (x + 3 * number + row) % 120);
    // Broad posts that move fast: fields of two moments comb at their edges.
    return (x + 2 * (8 * number + 4 * late)) / 24 % 2 ? 200 : 40;
}

static void draw(const struct clip *c, uint8_t *y, int number)
{
    for (int row = 0; row < c->height; row++)
        for (int x = 0; x < c->width; x++)
            *y++ = row < c->height / 10
                       ? number >> (MEDIA_BITS - 1 - x * MEDIA_BITS / c->width) & 1 ? 235 : 16
                       : below_bars(c, x, row, number);
}

static void write_frames(const struct clip *c, const char *command)
{
    size_t size = (size_t)(c->width * c->height);
    uint8_t *y = malloc(size), *grey = malloc(size / 2);
    memset(grey, 128, size / 2);
    FILE *to = popen(command, "w");
    assert_non_null(to);
    for (int i = 0; i < c->frames; i++) {
        draw(c, y, i);
        fwrite(y, 1, size, to);
        fwrite(grey, 1, size / 2, to);
    }
    if (pclose(to) != 0)
        fail_msg("%s", command);
    free(y);
    free(grey);
}

// ---- kept in the build folder

static const char *cache(void)
{
    const char *named = getenv("MEDIA_CACHE");
    return named ? named : folder;
}

static uint64_t recipe_hash(const char *text)
{
    uint64_t h = 14695981039346656037u;
    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * 1099511628211u;
    return h;
}

// True when it is there. Else *made is an empty folder to make it in.
static bool in_cache(const char *recipe, const char *name, char *at, char *made)
{
    snprintf(at, MEDIA_PATH, "%s/%016llx", cache(), (unsigned long long)recipe_hash(recipe));
    if (access(at, F_OK) == 0)
        return true;
    mkdir(cache(), 0755);
    snprintf(made, MEDIA_PATH, "%s.%d", at, (int)getpid());
    if (mkdir(made, 0755) < 0)
        fail_msg("cannot make %s for %s", made, name);
    return false;
}

static void keep(const char *made, const char *at)
{
    char command[2 * MEDIA_PATH + 20];
    if (rename(made, at) < 0) { // another test was quicker
        snprintf(command, sizeof(command), "rm -rf '%s'", made);
        assert_int_equal(system(command), 0);
    }
}

void media_make(const struct clip *clip, char path[MEDIA_PATH])
{
    struct clip c = *clip;
    char command[3000], recipe[3200], at[MEDIA_PATH], made[MEDIA_PATH];
    c.width = c.width ? c.width : 320, c.height = c.height ? c.height : 180;
    c.frames = c.frames ? c.frames : 12;
    snprintf(recipe, sizeof(recipe), "1 %s %s %d %d %d %d %s", c.name, c.rate, c.width, c.height,
             c.frames, c.look, c.options);
    if (!in_cache(recipe, c.name, at, made)) {
        snprintf(command, sizeof(command),
                 "ffmpeg -v error -y -f rawvideo -pix_fmt yuv420p -s %dx%d -r %s -i - %s%s '%s/%s'",
                 c.width, c.height, c.rate, strchr(c.name, '%') ? "-start_number 1001 " : "",
                 c.options, made, c.name);
        write_frames(&c, command);
        keep(made, at);
    }
    snprintf(path, MEDIA_PATH, "%.360s/%.30s", at, c.name);
}

void media_make_by(const char *name, const char *shell, char path[MEDIA_PATH])
{
    char command[3000], recipe[3000], at[MEDIA_PATH], made[MEDIA_PATH];
    snprintf(recipe, sizeof(recipe), "1 %s %s", name, shell);
    if (!in_cache(recipe, name, at, made)) {
        snprintf(command, sizeof(command), "OUT='%s/%s'; %s", made, name, shell);
        if (system(command) != 0)
            fail_msg("%s", command);
        keep(made, at);
    }
    snprintf(path, MEDIA_PATH, "%.360s/%.30s", at, name);
}

// ---- asking

bool media_ask(const char *kind, const char *const *paths, size_t count, json_t *more,
               const char *output_folder, json_t **result, struct error *err)
{
    json_t *ticket = json_pack("{s:s, s:s}", "kind", kind, "sequence_rate", "24");
    if (count > 1)
        json_object_set_new(ticket, "sequence", json_object());
    if (more)
        json_object_update(ticket, more);
    json_decref(more);
    struct buf log = BUF_LIMIT(1 << 16);
    struct engine_wish wish = {.ticket = ticket, .output_folder = output_folder, .log = &log};
    bool done = engine_run_files(&wish, paths, count, result, err);
    if (log.size && strstr(log.at, "Sanitizer"))
        fail_msg("%s: %s", paths[0], log.at);
    buf_free(&log);
    json_decref(ticket);
    return done;
}

bool media_deliver(const char *const *paths, size_t count, json_t *profile, const char *output,
                   int workers, json_t **result, struct error *err)
{
    json_t *facts = NULL;
    char folder[MEDIA_PATH], made[2 * MEDIA_PATH], final[MEDIA_PATH];
    struct buf log = BUF_LIMIT(1 << 16);
    snprintf(folder, sizeof(folder), "%s/.made-%.80s", media_folder(), output);
    mkdir(folder, 0755);
    bool done = media_ask("probe", paths, count, NULL, NULL, &facts, err);
    json_t *ticket =
        json_pack("{s:s, s:o, s:o*}", "sequence_rate", "24", "profile", profile, "facts", facts);
    if (count > 1)
        json_object_set_new(ticket, "sequence", json_object());
    done = done && make_file(&(struct make_wish){.ticket = ticket,
                                                 .paths = paths,
                                                 .count = count,
                                                 .folder = folder,
                                                 .output = output,
                                                 .workers = workers,
                                                 .log = &log},
                             result, err);
    if (log.size && strstr(log.at, "Sanitizer"))
        fail_msg("%s: %s", paths[0], log.at);
    snprintf(made, sizeof(made), "%s/%s", folder, output);
    snprintf(final, sizeof(final), "%s/%s", media_folder(), output);
    if (done && rename(made, final) != 0)
        fail_msg("%s is not there", made);
    buf_free(&log);
    json_decref(ticket);
    return done;
}

char *media_output(const char *command)
{
    FILE *from = popen(command, "r");
    size_t size = 0, room = 1 << 20;
    char *all = malloc(room);
    assert_non_null(from);
    for (size_t n; (n = fread(all + size, 1, room - 1 - size, from)) > 0;)
        size += n;
    all[size] = 0;
    if (pclose(from) != 0)
        fail_msg("%s", command);
    return all;
}

// ---- judging

static bool holds(const json_t *got, const json_t *wanted, char *where, size_t room)
{
    size_t length = strlen(where), i;
    const char *name;
    const json_t *w;
    if (json_is_object(wanted)) {
        json_object_foreach((json_t *)wanted, name, w)
        {
            snprintf(where + length, room - length, ".%s", name);
            if (!holds(json_object_get(got, name), w, where, room))
                return false;
        }
    } else if (json_is_array(wanted)) {
        json_array_foreach(wanted, i, w)
        {
            snprintf(where + length, room - length, "[%zu]", i);
            if (!holds(json_array_get(got, i), w, where, room))
                return false;
        }
    } else if (!json_equal(got, wanted)) {
        return false;
    }
    where[length] = 0;
    return json_typeof(wanted) != JSON_OBJECT || json_is_object(got);
}

void media_expect(const char *who, const json_t *got, const char *wanted)
{
    char where[300] = "";
    json_error_t why;
    json_t *w = json_loads(wanted, 0, &why);
    if (!w)
        fail_msg("%s: %s: %s", who, why.text, wanted);
    if (!holds(got, w, where, sizeof(where))) {
        char *all = json_dumps(got, JSON_COMPACT);
        media_wrong("%s: %s is not as in %s but: %s", who, where, wanted, all);
        free(all);
    }
    json_decref(w);
}

void media_fit(int width, int height, int w, int h, int *to_w, int *to_h)
{
    if ((int64_t)width * h >= (int64_t)height * w) {
        *to_w = width < w ? width : w;
        *to_h = (int)((int64_t)height * *to_w / width);
    } else {
        *to_h = height < h ? height : h;
        *to_w = (int)((int64_t)width * *to_h / height);
    }
    *to_w &= ~1, *to_h &= ~1;
}

void media_expect_numbers(const char *path, const int *numbers, int frames, int width, int height)
{
    char command[600];
    snprintf(command, sizeof(command),
             "ffmpeg -v error -i '%s' -map 0:v -fps_mode passthrough -f rawvideo -pix_fmt gray -",
             path);
    FILE *from = popen(command, "r");
    size_t size = (size_t)(width * height);
    uint8_t *y = malloc(size);
    int seen = 0;
    for (; fread(y, 1, size, from) == size; seen++) {
        int number = 0;
        for (int bit = 0; bit < MEDIA_BITS; bit++) {
            int x = (2 * bit + 1) * width / (2 * MEDIA_BITS);
            number = number << 1 | (y[(height / 20) * width + x] > 128);
        }
        if (seen < frames && number != numbers[seen])
            media_wrong("%s: frame %d carries the number %d, not %d", path, seen, number,
                        numbers[seen]);
    }
    free(y);
    if (pclose(from) != 0 || seen != frames)
        media_wrong("%s: %d frames of %dx%d, not %d", path, seen, width, height, frames);
}

void media_expect_bars(const char *path, int frames, int width, int height, int held)
{
    int *numbers = malloc(((size_t)frames + 1) * sizeof(*numbers));
    for (int i = 0; i < frames; i++)
        numbers[i] = i == held ? i - 1 : i;
    media_expect_numbers(path, numbers, frames, width, height);
    free(numbers);
}
