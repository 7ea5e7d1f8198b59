/*
 * Two tables do the work. `job_keys` says of each key of a job info file what becomes of it: a
 * function carries it, or it is lost for a reason, or it changes nothing while it has its ordinary
 * value. `plugins` says for each plugin which words its command has for which keys. A key in
 * neither is lost as unknown, so nothing goes away unnoticed.
 */
#include "formats/deadline/deadline.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { KEYS_MOST = 2000, WORDS_MOST = 4000 };

struct pair {
    text key, value;
    bool used;
};
struct pairs {
    struct pair *at;
    size_t count;
};

struct job {
    struct arena *a;
    struct import *im;
    struct pairs info, plugin;
    struct import_frames frames;
    int64_t chunk, timeout_s;
    json_t *variables, *outputs;
};

// ---- reading

static bool same(text a, const char *b)
{
    return a.size == strlen(b) && strncasecmp(a.at, b, a.size) == 0;
}

static bool add_pair(struct pairs *p, text key, text value, struct error *err)
{
    if (p->count == KEYS_MOST)
        return error_set(err, ERROR_TOO_BIG, "the file has more than %d keys", KEYS_MOST);
    p->at[p->count++] = (struct pair){key, value, false};
    return true;
}

static bool read_lines(struct arena *a, text bytes, struct pairs *p, struct error *err)
{
    text rest;
    p->at = ARENA_ARRAY(a, struct pair, KEYS_MOST);
    p->count = 0;
    if (!import_text(a, bytes, &rest, err))
        return false;
    while (rest.size) {
        text line = text_trim(text_cut(&rest, '\n'));
        const char *equals = line.size ? memchr(line.at, '=', line.size) : NULL;
        if (!line.size || line.at[0] == '#' || line.at[0] == ';' || !equals)
            continue;
        text key = text_trim((text){line.at, (size_t)(equals - line.at)});
        text value = text_trim((text){equals + 1, line.size - (size_t)(equals + 1 - line.at)});
        if (key.size && !add_pair(p, key, value, err))
            return false;
    }
    return true;
}

static bool read_object(struct arena *a, const json_t *object, struct pairs *p, struct error *err)
{
    const char *key;
    json_t *value;
    p->at = ARENA_ARRAY(a, struct pair, KEYS_MOST);
    p->count = 0;
    json_object_foreach((json_t *)object, key, value)
    {
        char *written = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);
        const char *said = json_is_string(value)  ? json_string_value(value)
                           : json_is_true(value)  ? "True"
                           : json_is_false(value) ? "False"
                           : json_is_null(value)  ? ""
                           : written              ? written
                                                  : "";
        bool ok =
            add_pair(p, text_of(arena_text(a, key)), text_trim(text_of(arena_text(a, said))), err);
        free(written);
        if (!ok)
            return false;
    }
    return true;
}

static json_t *read_json(text bytes)
{
    text t = text_trim(bytes);
    json_t *all = t.size && t.at[0] == '{' ? json_loadb(t.at, t.size, 0, NULL) : NULL;
    if (json_is_object(json_object_get(all, "JobInfo")))
        return all;
    json_decref(all);
    return NULL;
}

static text get(struct pairs *p, const char *key) // empty when it is not there; marks it as used
{
    for (size_t i = 0; i < p->count; i++)
        if (same(p->at[i].key, key)) {
            p->at[i].used = true;
            return p->at[i].value;
        }
    return (text){"", 0};
}

bool deadline_is_job(struct arena *a, text bytes)
{
    struct pairs p;
    struct error none;
    json_t *json = read_json(bytes);
    json_decref(json);
    return json || (read_lines(a, bytes, &p, &none) && get(&p, "Plugin").size);
}

static bool truth(text value)
{
    return same(value, "true") || same(value, "1") || same(value, "yes");
}

// ---- frames

static bool number(const char **at, const char *end, int64_t *value)
{
    const char *c = *at;
    bool minus = c < end && *c == '-';
    int64_t n = 0;
    size_t digits = 0;
    for (c += minus; c < end && *c >= '0' && *c <= '9' && digits < 12; c++, digits++)
        n = n * 10 + (*c - '0');
    if (!digits)
        return false;
    *at = c;
    *value = minus ? -n : n;
    return true;
}

static bool frames_wrong(text part, struct error *err)
{
    error_set(err, ERROR_INPUT, "the frames '%.*s' can not be read",
              (int)(part.size < 60 ? part.size : 60), part.at);
    return error_fix(err, "write them like 1-10x2,20");
}

// "7", "1-10", "1-10x2", "10-1step3"
static bool frame_part(text part, struct import_frames *f, struct error *err)
{
    static const char *const steps[] = {"x", "step", "by", "every"};
    const char *at = part.at, *end = part.at + part.size;
    int64_t first, last, step = 1;
    if (!number(&at, end, &first))
        return frames_wrong(part, err);
    last = first;
    if (at < end && *at == '-' && (at++, !number(&at, end, &last)))
        return frames_wrong(part, err);
    for (size_t i = 0; i < 4 && at < end; i++) {
        size_t size = strlen(steps[i]);
        if ((size_t)(end - at) > size && strncasecmp(at, steps[i], size) == 0) {
            at += size;
            if (!number(&at, end, &step))
                return frames_wrong(part, err);
        }
    }
    if (at != end || step == 0)
        return frames_wrong(part, err);
    step = (last < first) != (step < 0) ? -step : step;
    for (int64_t n = first; step > 0 ? n <= last : n >= last; n += step) {
        if (f->count == IMPORT_FRAMES_MOST)
            return error_set(err, ERROR_TOO_BIG, "there are more than %d frames",
                             IMPORT_FRAMES_MOST);
        f->in_order &= !f->count || n > f->at[f->count - 1];
        f->at[f->count++] = n;
    }
    return true;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

bool deadline_frames(struct arena *a, text said, struct import_frames *f, struct error *err)
{
    int64_t *room = malloc(IMPORT_FRAMES_MOST * sizeof(int64_t));
    if (!room)
        abort();
    *f = (struct import_frames){.at = room, .in_order = true};
    bool ok = true;
    for (size_t i = 0; i < said.size && ok;) {
        size_t begin = i;
        while (i < said.size && !strchr(", \t\r\n;", said.at[i]))
            i++;
        if (i > begin)
            ok = frame_part((text){said.at + begin, i - begin}, f, err);
        i += i < said.size;
    }
    if (ok && !f->count)
        ok = frames_wrong(said, err);
    if (ok && !f->in_order) {
        size_t n = 1;
        qsort(room, f->count, sizeof(int64_t), by_number);
        for (size_t i = 1; i < f->count; i++)
            if (room[i] != room[n - 1])
                room[n++] = room[i];
        f->count = n;
    }
    f->at = ARENA_ARRAY(a, int64_t, f->count + 1);
    memcpy(f->at, room, f->count * sizeof(int64_t));
    free(room);
    return ok;
}

// ---- what becomes of a job's keys

static json_t *list_of(text value) // "a,b ; c"
{
    json_t *list = json_array();
    while (value.size) {
        size_t n = 0;
        while (n < value.size && !strchr(",;", value.at[n]))
            n++;
        text one = text_trim((text){value.at, n});
        if (one.size)
            json_array_append_new(list, import_string(one));
        n += n < value.size;
        value = (text){value.at + n, value.size - n};
    }
    return list;
}

static void option(struct job *j, const char *name, json_t *take_over)
{
    json_object_set_new(j->im->options, name, take_over);
}

typedef void carry(struct job *j, const struct pair *p);

static void carry_priority(struct job *j, const struct pair *p)
{
    int64_t n;
    if (text_int(p->value, &n) && n >= 0 && n <= 100)
        option(j, "priority", json_integer(n));
    else
        import_lost(j->im, p->key, p->value, "a priority is 0 to 100");
}

static void carry_pool(struct job *j, const struct pair *p)
{
    option(j, "pool", import_string(p->value));
}

static void carry_group(struct job *j, const struct pair *p)
{
    option(j, "tags", json_pack("[o]", import_string(p->value)));
}

static void carry_hosts(struct job *j, const struct pair *p)
{
    option(j, "hosts", list_of(p->value));
}

static void carry_not_hosts(struct job *j, const struct pair *p)
{
    option(j, "not_hosts", list_of(p->value));
}

static void carry_limits(struct job *j, const struct pair *p)
{
    json_t *names = list_of(p->value), *limits = json_object(), *name;
    size_t i;
    json_array_foreach(names, i, name)
        json_object_set_new(limits, json_string_value(name), json_integer(1));
    json_decref(names);
    option(j, "limits", limits);
}

static void carry_status(struct job *j, const struct pair *p)
{
    if (same(p->value, "Suspended"))
        option(j, "suspended", json_true());
    else
        import_lost(j->im, p->key, p->value, "a job begins active or suspended");
}

static void carry_timeout(struct job *j, const struct pair *p)
{
    int64_t n, unit = same(p->key, "TaskTimeoutMinutes") ? 60 : 1;
    if (text_int(p->value, &n) && n > 0 && n < 100000000)
        j->timeout_s += n * unit; // both may be said and add up
    else
        import_lost(j->im, p->key, p->value, "a time is a whole number");
}

static void carry_preemptible(struct job *j, const struct pair *p)
{
    (void)p;
    option(j, "preemptible", json_true());
}

static void carry_tries(struct job *j, const struct pair *p)
{
    int64_t n;
    if (!truth(get(&j->info, "OverrideTaskFailureDetection")))
        import_lost(j->im, p->key, p->value,
                    "OverrideTaskFailureDetection is not set, so it had no effect");
    else if (text_int(p->value, &n) && n >= 1 && n <= 20)
        option(j, "tries", json_integer(n));
    else
        import_lost(j->im, p->key, p->value, "a task is tried 1 to 20 times");
}

static void carry_inputs(struct job *j, const struct pair *p)
{
    option(j, "inputs", list_of(p->value));
}

static void carry_comment(struct job *j, const struct pair *p)
{
    json_object_set_new(
        j->im->template_json, "description",
        import_string((text){p->value.at, p->value.size < 2000 ? p->value.size : 2000}));
}

static void carry_chunk(struct job *j, const struct pair *p)
{
    if (!text_int(p->value, &j->chunk) || j->chunk < 1 || j->chunk > IMPORT_FRAMES_MOST) {
        import_lost(j->im, p->key, p->value, "a chunk has 1 frame or more");
        j->chunk = 1;
    }
}

static void carry_sequential(struct job *j, const struct pair *p)
{
    const struct import_frames *f = &j->frames;
    if (f->count && f->at[f->count - 1] - f->at[0] + 1 == (int64_t)f->count)
        option(j, "frames_after",
               json_pack("[{s:s, s:s, s:i, s:i}]", "step", "Render", "on", "Render", "from", -1,
                         "to", -1));
    else
        import_lost(j->im, p->key, p->value, "frames with gaps can not wait for the one before");
}

static void quiet(struct job *j, const struct pair *p)
{
    (void)j, (void)p;
}

#define NO_SCRIPTS "scripts run inside Deadline's own Python; make it a step of the template"
#define NO_MAIL "the house tells people by their own settings"
#define NO_PLACE "the house has no place for it"
#define JOBS_THERE                                                                                 \
    "it names jobs of Deadline; import those too and say after_jobs with their new ids"

static const struct key {
    const char *name;
    const char *ordinary; // this value (or none) changes nothing; NULL: every value counts
    carry *run;           // NULL: lost
    const char *why;
} job_keys[] = {
    {"Plugin", NULL, quiet, NULL},
    {"Name", NULL, quiet, NULL},
    {"Frames", NULL, quiet, NULL},
    {"ChunkSize", "1", carry_chunk, NULL},
    {"Priority", NULL, carry_priority, NULL},
    {"Pool", "none", carry_pool, NULL},
    {"SecondaryPool", "none", NULL, "a job has one pool; give workers of both a pool of its own"},
    {"Group", "none", carry_group, NULL},
    {"Comment", "", carry_comment, NULL},
    {"Whitelist", "", carry_hosts, NULL},
    {"Allowlist", "", carry_hosts, NULL},
    {"Blacklist", "", carry_not_hosts, NULL},
    {"Denylist", "", carry_not_hosts, NULL},
    {"LimitGroups", "", carry_limits, NULL},
    {"InitialStatus", "Active", carry_status, NULL},
    {"TaskTimeoutMinutes", "0", carry_timeout, NULL},
    {"TaskTimeoutSeconds", "0", carry_timeout, NULL},
    {"Interruptible", "False", carry_preemptible, NULL},
    {"FailureDetectionTaskErrors", "0", carry_tries, NULL},
    {"OverrideTaskFailureDetection", NULL, quiet, NULL},
    {"RequiredAssets", "", carry_inputs, NULL},
    {"Sequential", "False", carry_sequential, NULL},
    {"OnTaskTimeout", "Error", NULL, "what takes too long fails and is tried again"},
    {"EnableAutoTimeout", "False", NULL, "stragglers are found and run twice by themselves"},
    {"EnableTimeoutsForScriptTasks", "False", quiet, NULL},
    {"EnableFrameTimeouts", "False", NULL, "the time holds for the whole task"},
    {"MachineLimit", "0", NULL,
     "the number of machines of one job is not limited; use a limit or a pool"},
    {"MachineLimitProgress", "-1", NULL, "the number of machines of one job is not limited"},
    {"ConcurrentTasks", "1", NULL, "a worker has as many slots as it says, for all jobs"},
    {"LimitConcurrentTasksToNumberOfCpus", NULL, quiet, NULL},
    {"MinRenderTimeMinutes", "0", NULL, "check the outputs instead (options.outputs)"},
    {"MinRenderTimeSeconds", "0", NULL, "check the outputs instead (options.outputs)"},
    {"StartJobTimeoutMinutes", "0", NULL, NO_PLACE},
    {"StartJobTimeoutSeconds", "0", NULL, NO_PLACE},
    {"InitializePluginTimeoutSeconds", "0", NULL, NO_PLACE},
    {"InterruptiblePercentage", "100", NULL, NO_PLACE},
    {"RemTimeThreshold", "0", NULL, NO_PLACE},
    {"JobDependencies", "", NULL, JOBS_THERE},
    {"JobDependencyPercentage", "-1", NULL, JOBS_THERE},
    {"IsFrameDependent", "False", NULL, "use options.frames_after between steps of one job"},
    {"FrameDependencyOffsetStart", "0", NULL, "use options.frames_after between steps of one job"},
    {"FrameDependencyOffsetEnd", "0", NULL, "use options.frames_after between steps of one job"},
    {"ResumeOnCompleteDependencies", "True", NULL, JOBS_THERE},
    {"ResumeOnDeletedDependencies", "False", NULL, JOBS_THERE},
    {"ResumeOnFailedDependencies", "False", NULL, JOBS_THERE},
    {"ScriptDependencies", "", NULL, NO_SCRIPTS},
    {"PreJobScript", "", NULL, NO_SCRIPTS},
    {"PostJobScript", "", NULL, NO_SCRIPTS},
    {"PreTaskScript", "", NULL, NO_SCRIPTS},
    {"PostTaskScript", "", NULL, NO_SCRIPTS},
    {"OverrideJobFailureDetection", "False", quiet, NULL},
    {"FailureDetectionJobErrors", "0", NULL, "see options.stop_after"},
    {"IgnoreBadJobDetection", "False", NULL, NO_PLACE},
    {"SendJobErrorWarning", "False", NULL, NO_MAIL},
    {"OnJobComplete", "Nothing", NULL, "jobs stay until a person removes them"},
    {"OverrideAutoJobCleanup", "False", NULL, "jobs stay until a person removes them"},
    {"OverrideJobCleanup", "False", NULL, "jobs stay until a person removes them"},
    {"ForceReloadPlugin", "False", quiet, NULL},
    {"SynchronizeAllAuxiliaryFiles", "False", quiet, NULL},
    {"SuppressEvents", "False", quiet, NULL},
    {"Protected", "False", NULL, NO_PLACE},
    {"ScheduledType", "None", NULL, "submit it suspended and resume it when it is time"},
    {"ScheduledStartDateTime", "", NULL, "submit it suspended and resume it when it is time"},
    {"ScheduledDays", "1", NULL, "submit it suspended and resume it when it is time"},
    {"Department", "", NULL, NO_PLACE},
    {"BatchName", "", NULL, "a project holds what belongs together"},
    {"UserName", "", NULL, "whoever submits it is its user"},
    {"MachineName", "", quiet, NULL},
    {"NetworkRoot", "", NULL, NO_PLACE},
    {"NotificationTargets", "", NULL, NO_MAIL},
    {"ClearNotificationTargets", "False", NULL, NO_MAIL},
    {"NotificationEmails", "", NULL, NO_MAIL},
    {"OverrideNotificationMethod", "False", NULL, NO_MAIL},
    {"EmailNotification", "False", NULL, NO_MAIL},
    {"PopupNotification", "False", NULL, NO_MAIL},
    {"NotificationNote", "", NULL, NO_MAIL},
    {"CustomPluginDirectory", "", NULL, "it changes a plugin of Deadline's"},
    {"IncludeEnvironment", "False", NULL, "say the variables themselves"},
    {"UseJobEnvironmentOnly", "False", NULL, NO_PLACE},
    {"TileJob", "False", NULL, "tiles and their assembly are steps of a template"},
    {"TileJobFrame", "0", NULL, "tiles and their assembly are steps of a template"},
    {"TileJobTilesInX", "0", NULL, "tiles and their assembly are steps of a template"},
    {"TileJobTilesInY", "0", NULL, "tiles and their assembly are steps of a template"},
    {"TileJobTileCount", "0", NULL, "tiles and their assembly are steps of a template"},
    {"MaintenanceJob", "False", NULL, "a task for each machine can not be said"},
    {"MaintenanceJobStartFrame", "0", NULL, "a task for each machine can not be said"},
    {"MaintenanceJobEndFrame", "0", NULL, "a task for each machine can not be said"},
    {"OverrideTaskExtraInfoNames", "False", quiet, NULL},
};
enum { JOB_KEYS = sizeof(job_keys) / sizeof(job_keys[0]) };

// "OutputFilename12" -> true and 12.
static bool numbered(text key, const char *name, int64_t *n)
{
    size_t size = strlen(name);
    return key.size > size && strncasecmp(key.at, name, size) == 0 &&
           text_int((text){key.at + size, key.size - size}, n);
}

static bool variable_name(text t)
{
    for (size_t i = 0; i < t.size; i++)
        if (!(t.at[i] == '_' || (t.at[i] >= 'A' && t.at[i] <= 'Z') ||
              (t.at[i] >= 'a' && t.at[i] <= 'z') || (i && t.at[i] >= '0' && t.at[i] <= '9')))
            return false;
    return t.size && t.size <= 256;
}

static void carry_variable(struct job *j, const struct pair *p)
{
    text value = p->value, name = text_trim(text_cut(&value, '='));
    value = text_trim(value);
    char key[260];
    if (!variable_name(name) || value.size > 2048 || !text_copy(name, key, sizeof(key)))
        import_lost(j->im, p->key, p->value, "it is no variable of an environment");
    else
        json_object_set_new(j->variables, key, import_literal(j->im, value, false));
}

// OutputDirectory0 and OutputFilename0 belong together; a name may be a whole path.
static void carry_output(struct job *j, const struct pair *p, int64_t n)
{
    char key[64];
    snprintf(key, sizeof(key), "OutputDirectory%lld", (long long)n);
    text folder = get(&j->info, key), name = p->value;
    bool whole = name.size &&
                 (name.at[0] == '/' || name.at[0] == '\\' || (name.size > 1 && name.at[1] == ':'));
    if (!whole && !folder.size) {
        import_lost(j->im, p->key, p->value, "it has no folder");
        return;
    }
    char last = folder.size ? folder.at[folder.size - 1] : '/';
    const char *path =
        whole ? arena_format(j->a, "%.*s", (int)name.size, name.at)
              : arena_format(j->a, "%.*s%s%.*s", (int)folder.size, folder.at,
                             last == '/' || last == '\\' ? "" : "/", (int)name.size, name.at);
    json_array_append_new(j->outputs, json_pack("{s:s, s:o}", "step", "Render", "path",
                                                import_string(text_of(path))));
}

static bool carry_numbered(struct job *j, const struct pair *p)
{
    int64_t n;
    if (numbered(p->key, "EnvironmentKeyValue", &n)) {
        carry_variable(j, p);
        return true;
    }
    if (numbered(p->key, "OutputFilename", &n)) {
        if (p->value.size)
            carry_output(j, p, n);
        return true;
    }
    if (numbered(p->key, "OutputDirectory", &n)) {
        char key[64];
        snprintf(key, sizeof(key), "OutputFilename%lld", (long long)n);
        if (p->value.size && !get(&j->info, key).size)
            import_lost(j->im, p->key, p->value,
                        "a folder alone can not be checked; name the files");
        return true;
    }
    if (numbered(p->key, "JobDependency", &n)) {
        if (p->value.size)
            import_lost(j->im, p->key, p->value, JOBS_THERE);
        return true;
    }
    if (numbered(p->key, "ExtraInfo", &n) || numbered(p->key, "ExtraInfoKeyValue", &n) ||
        numbered(p->key, "TaskExtraInfoName", &n)) {
        if (p->value.size)
            import_lost(j->im, p->key, p->value, NO_PLACE);
        return true;
    }
    return false;
}

static void carry_keys(struct job *j)
{
    for (size_t i = 0; i < j->info.count; i++) {
        const struct pair *p = &j->info.at[i];
        const struct key *k = NULL;
        for (size_t n = 0; n < JOB_KEYS && !k; n++)
            k = same(p->key, job_keys[n].name) ? &job_keys[n] : NULL;
        if (!k && carry_numbered(j, p))
            continue;
        if (!k)
            import_lost(j->im, p->key, p->value, "this key is not known");
        else if (!p->value.size || (k->ordinary && same(p->value, k->ordinary)))
            continue;
        else if (k->run)
            k->run(j, p);
        else
            import_lost(j->im, p->key, p->value, "%s", k->why);
    }
}

// ---- plugins

// Words of a command: {Key} is a plugin key's value, <START> <END> <FRAMES> the task's frames,
// <INPUT> the value of Key with the frame's digits put in. A row stands when `key` has another
// value than none and `unless` (or when key is NULL).
struct row {
    const char *key, *unless;
    const char *words[4];
};
struct plugin {
    const char *name;
    bool single;          // a frame a task, whatever the chunk
    const char *needs[3]; // keys that must be there
    struct row rows[16];  // the first is the program
    const char *quiet;    // " Key Key ": keys that change nothing here
};

#define MAYA                                                                                       \
    {NULL, NULL, {"Render"}}, {"Renderer", "file", {"-r", "{Renderer}"}},                          \
        {"ProjectPath", "", {"-proj", "{ProjectPath}"}}, {NULL, NULL, {"-s", "<START>"}},          \
        {NULL, NULL, {"-e", "<END>"}}, {NULL, NULL, {"-b", "1"}},                                  \
        {"OutputFilePath", "", {"-rd", "{OutputFilePath}"}},                                       \
        {"OutputFilePrefix", "", {"-im", "{OutputFilePrefix}"}},                                   \
        {"Camera", "", {"-cam", "{Camera}"}}, {"RenderLayer", "", {"-rl", "{RenderLayer}"}},       \
        {"ImageWidth", "0", {"-x", "{ImageWidth}"}},                                               \
        {"ImageHeight", "0", {"-y", "{ImageHeight}"}},                                             \
        {"CommandLineOptions", "", {"<WORDS>{CommandLineOptions}"}},                               \
    {                                                                                              \
        "SceneFile", NULL,                                                                         \
        {                                                                                          \
            "{SceneFile}"                                                                          \
        }                                                                                          \
    }
#define MAYA_QUIET                                                                                 \
    " Build StrictErrorChecking LocalRendering Animation UsingRenderLayers UseLegacyRenderLayers " \
    "MaxProcessors IgnoreError211 CountRenderableCameras UseLocalAssetCaching "                    \
    "RenderSetupIncludeLights "

static const struct plugin plugins[] = {
    {"MayaBatch", false, {"SceneFile"}, {MAYA}, MAYA_QUIET},
    {"MayaCmd", false, {"SceneFile"}, {MAYA}, MAYA_QUIET},
    {"Blender",
     false,
     {"SceneFile"},
     {{NULL, NULL, {"blender", "-b"}},
      {"SceneFile", NULL, {"{SceneFile}", "-noaudio"}},
      {"OutputFile", "", {"-o", "{OutputFile}"}},
      {"Threads", "0", {"-t", "{Threads}"}},
      {NULL, NULL, {"-s", "<START>"}},
      {NULL, NULL, {"-e", "<END>", "-a"}}},
     " Build "},
    {"Arnold",
     true,
     {"InputFile"},
     {{NULL, NULL, {"kick", "-dw", "-dp", "-nstdin"}},
      {"Verbose", "", {"-v", "{Verbose}"}},
      {"Threads", "0", {"-t", "{Threads}"}},
      {"CommandLineOptions", "", {"<WORDS>{CommandLineOptions}"}},
      {"OutputFile", "", {"-o", "<INPUT>{OutputFile}"}},
      {"InputFile", NULL, {"-i", "<INPUT>{InputFile}"}}},
     " Build SingleFile "},
    {"Vray",
     false,
     {"InputFilename"},
     {{NULL, NULL, {"vray"}},
      {"InputFilename", NULL, {"-sceneFile=<INPUT>{InputFilename}"}},
      {"OutputFilename", "", {"-imgFile={OutputFilename}"}},
      {NULL, NULL, {"-frames=<START>-<END>", "-display=0", "-autoClose=1"}},
      {"Width", "0", {"-imgWidth={Width}"}},
      {"Height", "0", {"-imgHeight={Height}"}},
      {"Threads", "0", {"-numThreads={Threads}"}},
      {"CommandLineOptions", "", {"<WORDS>{CommandLineOptions}"}}},
     " SeparateFilesPerFrame "},
    {"Nuke",
     false,
     {"SceneFile"},
     {{NULL, NULL, {"nuke"}},
      {"NukeX", "False", {"--nukex"}},
      {"WriteNode", "", {"-X", "{WriteNode}"}},
      {"Views", "", {"--view", "{Views}"}},
      {"Threads", "0", {"-m", "{Threads}"}},
      {"ContinueOnError", "False", {"--cont"}},
      {"UseGpu", "False", {"--gpu"}},
      {"StackSize", "0", {"-s", "{StackSize}"}},
      {NULL, NULL, {"-F", "<START>-<END>"}},
      // -x runs the script; with -X it is said already, and both together are an error.
      {"WriteNode", "!", {"-x"}},
      {"SceneFile", NULL, {"{SceneFile}"}}},
     " BatchMode BatchModeIsMovie GpuOverride UseSpecificGpu PerformanceProfiler "
     "PerformanceProfilerDir "},
    {"Houdini",
     false,
     {"SceneFile", "OutputDriver"},
     {{NULL, NULL, {"hrender", "-e"}},
      {NULL, NULL, {"-f", "<START>", "<END>"}},
      {"OutputDriver", NULL, {"-d", "{OutputDriver}"}},
      {"Output", "", {"-o", "{Output}"}},
      {"SceneFile", NULL, {"{SceneFile}"}}},
     " Build "},
    {"AfterEffects",
     false,
     {"SceneFile"},
     {{NULL, NULL, {"aerender"}},
      {"SceneFile", NULL, {"-project", "{SceneFile}"}},
      {"Comp", "", {"-comp", "{Comp}"}},
      {"Output", "", {"-output", "{Output}"}},
      {NULL, NULL, {"-s", "<START>"}},
      {NULL, NULL, {"-e", "<END>"}},
      {"MultiProcess", "False", {"-mp"}},
      {"ContinueOnMissingFootage", "False", {"-continueOnMissingFootage"}},
      {NULL, NULL, {"-v", "ERRORS_AND_PROGRESS"}}},
     " LocalRendering OverrideFailOnExistingAEProcess FailOnExistingAEProcess "},
};
enum { PLUGINS = sizeof(plugins) / sizeof(plugins[0]) };

// The frame in a format string; with `digits` > 1 it has zeros in front.
static void add_frame(struct job *j, struct buf *to, bool end, int digits)
{
    const char *value = j->chunk == 1 ? "Task.Param.Frame"
                        : end         ? "max(Task.Param.Frame)"
                                      : "min(Task.Param.Frame)";
    if (j->chunk > 1)
        j->im->expressions = true;
    if (digits > 1) {
        buf_format(to, "{{zfill(%s, %d)}}", value, digits);
        j->im->expressions = true;
    } else {
        buf_format(to, "{{%s}}", value);
    }
}

// "/a/b.0001.ass" or "/a/b.####.ass": its last run of digits (or #) stands for the frame. Where
// there is none the name is the same for all frames.
static void add_input(struct job *j, struct buf *to, text path)
{
    size_t end = path.size, begin;
    while (end && !strchr("0123456789#", path.at[end - 1]) && !strchr("/\\", path.at[end - 1]))
        end--;
    for (begin = end; begin && strchr("0123456789#", path.at[begin - 1]);)
        begin--;
    bool has = end > begin && (!end || !strchr("/\\", path.at[end - 1]));
    // A digit in the suffix (".mp4") or within a word is no frame: it stands before the suffix's
    // dot.
    has = has && (end == path.size || path.at[end] == '.') &&
          (begin == 0 || strchr("._-", path.at[begin - 1]));
    import_literal_add(j->im, to, (text){path.at, has ? begin : path.size}, true);
    if (!has)
        return;
    add_frame(j, to, false, (int)(end - begin < 20 ? end - begin : 20));
    import_literal_add(j->im, to, (text){path.at + end, path.size - end}, true);
}

static void append(json_t *args, struct buf *b)
{
    json_array_append_new(args, import_string((text){b->at ? b->at : "", b->size}));
    buf_free(b);
}

// One word of a plugin's row.
static bool add_word(struct job *j, const char *pattern, json_t *args, struct error *err)
{
    struct buf b = BUF_LIMIT(1 << 20);
    bool as_words = strncmp(pattern, "<WORDS>", 7) == 0, as_input = false;
    for (const char *c = pattern + (as_words ? 7 : 0); *c; c++) {
        if (strncmp(c, "<START>", 7) == 0) {
            add_frame(j, &b, false, 0);
            c += 6;
        } else if (strncmp(c, "<END>", 5) == 0) {
            add_frame(j, &b, true, 0);
            c += 4;
        } else if (strncmp(c, "<INPUT>", 7) == 0) {
            as_input = true;
            c += 6;
        } else if (*c == '{') {
            size_t size = strcspn(c, "}") - 1;
            text value = get(&j->plugin, arena_copy(j->a, c + 1, size)), *words;
            size_t count;
            c += size + 1;
            if (as_words) {
                if (!import_words(j->a, value, WORDS_MOST, &words, &count, err))
                    return false;
                for (size_t i = 0; i < count; i++)
                    json_array_append_new(args, import_literal(j->im, words[i], true));
                return true;
            }
            if (as_input)
                add_input(j, &b, value);
            else
                import_literal_add(j->im, &b, value, true);
        } else {
            buf_add(&b, c, 1);
        }
    }
    append(args, &b);
    return true;
}

static bool row_stands(struct job *j, const struct row *r)
{
    if (!r->key)
        return true;
    text value = get(&j->plugin, r->key);
    if (r->unless && strcmp(r->unless, "!") == 0)
        return !value.size;
    return value.size && !(r->unless && same(value, r->unless));
}

static bool plugin_words(struct job *j, const struct plugin *p, json_t *args, struct error *err)
{
    for (size_t i = 0; i < 3 && p->needs[i]; i++)
        if (!get(&j->plugin, p->needs[i]).size) {
            error_set(err, ERROR_INPUT, "the plugin info has no %s", p->needs[i]);
            return error_fix(err, "give the plugin info file beside the job info file");
        }
    for (size_t i = 0; i < 16 && (p->rows[i].key || p->rows[i].words[0]); i++)
        for (size_t w = 0; w < 4 && p->rows[i].words[w] && row_stands(j, &p->rows[i]); w++)
            if (!add_word(j, p->rows[i].words[w], args, err))
                return false;
    if (get(&j->plugin, "ScriptJob").size && truth(get(&j->plugin, "ScriptJob")))
        import_lost(j->im, text_of("ScriptJob"), get(&j->plugin, "ScriptFilename"), NO_SCRIPTS);
    return true;
}

// "<STARTFRAME>", "<ENDFRAME%4>": how long it is; 0: it is none.
static size_t frame_tag(text t, bool *end, int64_t *digits)
{
    bool start = text_starts(t, "<STARTFRAME");
    const char *close = memchr(t.at, '>', t.size < 24 ? t.size : 24);
    *end = text_starts(t, "<ENDFRAME");
    *digits = 0;
    if (!close || (!start && !*end))
        return 0;
    size_t name = start ? 11 : 9, size = (size_t)(close - t.at);
    bool padded = t.at[name] == '%' && size > name + 1 &&
                  text_int((text){t.at + name + 1, size - name - 1}, digits) && *digits >= 0 &&
                  *digits <= 20;
    return t.at[name] == '>' || padded ? size + 1 : 0;
}

// Arguments of a command line with frames in them.
static void add_tagged(struct job *j, struct buf *to, text t)
{
    size_t plain = 0;
    for (size_t i = 0; i < t.size;) {
        bool end;
        int64_t digits;
        text rest = {t.at + i, t.size - i};
        size_t size = t.at[i] == '<' ? frame_tag(rest, &end, &digits) : 0;
        if (t.at[i] == '<' && text_starts(rest, "<AUXFILE"))
            import_lost(j->im, text_of("<AUXFILE>"),
                        (text){rest.at, rest.size < 24 ? rest.size : 24},
                        "files that were sent with the job are not here; name where they lie");
        if (size) {
            import_literal_add(j->im, to, (text){t.at + plain, i - plain}, true);
            add_frame(j, to, end, (int)digits);
            plain = i + size;
        }
        i += size ? size : 1;
    }
    import_literal_add(j->im, to, (text){t.at + plain, t.size - plain}, true);
}

static text without_quote_tags(struct arena *a, text t)
{
    struct buf b = BUF_LIMIT((size_t)16 << 20);
    for (size_t i = 0; i < t.size; i++)
        if (text_starts((text){t.at + i, t.size - i}, "<QUOTE>")) {
            buf_text(&b, "\"");
            i += 6;
        } else {
            buf_add(&b, t.at + i, 1);
        }
    text out = {arena_copy(a, b.at ? b.at : "", b.size), b.size};
    buf_free(&b);
    return out;
}

static bool command_line(struct job *j, json_t *args, struct error *err)
{
    bool python = same(get(&j->info, "Plugin"), "Python");
    text program = get(&j->plugin, python ? "ScriptFile" : "Executable");
    text said = without_quote_tags(j->a, get(&j->plugin, "Arguments")), *words;
    text folder = get(&j->plugin, "StartupDirectory"), shell = get(&j->plugin, "Shell");
    bool shelled = truth(get(&j->plugin, "ShellExecute"));
    size_t count;
    if (!program.size && !shelled) {
        error_set(err, ERROR_INPUT, "the plugin info has no %s",
                  python ? "ScriptFile" : "Executable");
        return error_fix(err, "give the plugin info file beside the job info file");
    }
    if (folder.size) { // OpenJD has no working folder of an action; GNU env has one
        json_array_append_new(args, json_string("env"));
        json_array_append_new(args, json_string("-C"));
        json_array_append_new(args, import_literal(j->im, folder, true));
    }
    if (python)
        json_array_append_new(args, json_string("python"));
    if (shelled) {
        struct buf b = BUF_LIMIT((size_t)1 << 20);
        json_array_append_new(args, same(shell, "default") || !shell.size
                                        ? json_string("sh")
                                        : import_literal(j->im, shell, true));
        json_array_append_new(args, json_string("-c"));
        import_literal_add(j->im, &b, program, true);
        if (program.size)
            buf_text(&b, " ");
        add_tagged(j, &b, said);
        append(args, &b);
        return true;
    }
    json_array_append_new(args, import_literal(j->im, program, true));
    if (!import_words(j->a, said, WORDS_MOST, &words, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct buf b = BUF_LIMIT((size_t)1 << 20);
        add_tagged(j, &b, words[i]);
        append(args, &b);
    }
    return true;
}

static bool unknown_plugin(text name, struct error *err)
{
    struct buf known = BUF_LIMIT(1024);
    buf_text(&known, "CommandLine, Python");
    for (size_t i = 0; i < PLUGINS; i++)
        buf_format(&known, ", %s", plugins[i].name);
    error_set(err, ERROR_UNSUPPORTED, "the plugin '%.*s' can not be imported",
              (int)(name.size < 60 ? name.size : 60), name.at);
    error_why(err, "known are %s", known.at);
    buf_free(&known);
    return error_fix(err, "write its command into a CommandLine job, or a template by hand");
}

static void lose_plugin_keys(struct job *j, const char *quiet_keys)
{
    for (size_t i = 0; i < j->plugin.count; i++) {
        const struct pair *p = &j->plugin.at[i];
        const char *named = arena_format(j->a, " %.*s ", (int)p->key.size, p->key.at);
        if (p->used || !p->value.size || same(p->value, "False") || same(p->value, "0") ||
            same(p->value, "None") || strcasestr(quiet_keys, named))
            continue;
        if (same(p->key, "Version"))
            import_lost(j->im, p->key, p->value,
                        "the program is what PATH finds on the worker; choose workers by a tag");
        else
            import_lost(j->im, p->key, p->value, "the command line has no word for it");
    }
}

// ---- the template

static json_t *frame_parameter(struct job *j)
{
    text range = import_frames_text(j->a, &j->frames);
    if (j->chunk == 1)
        return json_pack("{s:s, s:s, s:o}", "name", "Frame", "type", "INT", "range",
                         import_string(range));
    j->im->chunking = true;
    return json_pack("{s:s, s:s, s:o, s:{s:I, s:s}}", "name", "Frame", "type", "CHUNK[INT]",
                     "range", import_string(range), "chunks", "defaultTaskCount",
                     (json_int_t)j->chunk, "rangeConstraint", "CONTIGUOUS");
}

static json_t *step(struct job *j, json_t *args)
{
    json_t *command = json_incref(json_array_get(args, 0));
    json_array_remove(args, 0);
    json_t *action = json_pack("{s:o, s:O}", "command", command, "args", args);
    if (!json_array_size(args))
        json_object_del(action, "args");
    if (j->timeout_s)
        json_object_set_new(action, "timeout", json_integer(j->timeout_s));
    return json_pack("{s:s, s:{s:[o]}, s:{s:{s:o}}}", "name", "Render", "parameterSpace",
                     "taskParameterDefinitions", frame_parameter(j), "script", "actions", "onRun",
                     action);
}

static void put_together(struct job *j, json_t *args)
{
    json_t *t = j->im->template_json;
    json_object_set_new(t, "name", import_job_name(j->im, get(&j->info, "Name")));
    if (json_object_size(j->variables))
        json_object_set_new(
            t, "jobEnvironments",
            json_pack("[{s:s, s:O}]", "name", "Variables", "variables", j->variables));
    json_object_set_new(t, "steps", json_pack("[o]", step(j, args)));
    if (json_array_size(j->outputs))
        json_object_set(j->im->options, "outputs", j->outputs);
    import_finish(j->im);
}

static bool import_job(struct job *j, struct error *err)
{
    text name = get(&j->info, "Plugin"), frames = get(&j->info, "Frames");
    const struct plugin *p = NULL;
    bool line = same(name, "CommandLine") || same(name, "Python");
    for (size_t i = 0; i < PLUGINS; i++)
        p = same(name, plugins[i].name) ? &plugins[i] : p;
    if (!name.size) {
        error_set(err, ERROR_INPUT, "this is no job info file of Deadline");
        error_why(err, "it does not name a Plugin");
        return error_fix(err, "give the job info file first, then the plugin info file");
    }
    if (!p && !line)
        return unknown_plugin(name, err);
    if (!deadline_frames(j->a, frames.size ? frames : text_of("0"), &j->frames, err))
        return false;
    if (!j->frames.in_order)
        import_lost(j->im, text_of("Frames"), frames,
                    "frames are rendered in increasing order, each once");
    carry_keys(j);
    if (j->chunk > 1 && ((p && p->single) || truth(get(&j->plugin, "SingleFramesOnly")) ||
                         truth(get(&j->plugin, "SeparateFilesPerFrame"))))
        j->chunk = 1; // the command has one frame
    json_t *args = json_array();
    bool ok = line ? command_line(j, args, err) : plugin_words(j, p, args, err);
    if (ok) {
        lose_plugin_keys(j, line ? " SingleFramesOnly Shell ShellExecute Version " : p->quiet);
        put_together(j, args);
    }
    json_decref(args);
    return ok;
}

bool deadline_import(struct arena *a, text job, text plugin, struct import *im, struct error *err)
{
    struct job j = {.a = a, .im = im, .chunk = 1};
    import_begin(im);
    json_t *json = read_json(job);
    bool ok = json ? read_object(a, json_object_get(json, "JobInfo"), &j.info, err) &&
                         read_object(a, json_object_get(json, "PluginInfo"), &j.plugin, err)
                   : read_lines(a, job, &j.info, err) && read_lines(a, plugin, &j.plugin, err);
    if (json_array_size(json_object_get(json, "AuxFiles")))
        import_lost(im, text_of("AuxFiles"), (text){"", 0},
                    "files that were sent with the job are not here");
    j.variables = json_object();
    j.outputs = json_array();
    ok = ok && import_job(&j, err);
    json_decref(j.variables);
    json_decref(j.outputs);
    json_decref(json);
    return ok;
}
