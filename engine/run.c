/*
 * The engine's program: one ticket in, JSON lines out (docs/formats/ticket.md). The only program that
 * links libav and OpenEXR.
 *
 * It reads the ticket, closes the door behind itself, and only then opens what strangers made.
 */
#include "engine/ahead.h"
#include "engine/asked.h"
#include "engine/deliverable.h"
#include "engine/maker.h"
#include "engine/metadata.h"
#include "plat/sandbox.h"

#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
// Behind the door the leak check can not stop its own threads.
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

static void quiet_log(void *context, int level, const char *format, va_list list)
{
    if (level <= AV_LOG_ERROR)
        av_log_default_callback(context, level, format, list);
}

static bool bake_elsewhere(const struct ticket *t, json_t **result, struct error *err)
{
    (void)t, (void)result;
    return error_set(err, ERROR_INTERNAL, "a viewing transform is made by posthouse-colour");
}

static bool work(const char *sandbox, json_t **result, struct error *err)
{
    static bool (*const kinds[])(const struct ticket *, json_t **, struct error *) = {
        probe_and_look, proxy,        captions, measure, stills,     verify, assemble,
        retag,          one_picture, bake_elsewhere, index_source, weigh, segment, soundtrack, mux};
    struct ticket *t = NULL;
    json_t *said = asked_ticket(err);
    bool done = said && ticket_parse(said, &t, err) && ahead_of_the_door(t, err) &&
                (strcmp(sandbox, "--sandbox=off") == 0 ||
                 sandbox_enter(strcmp(sandbox, "--sandbox=inside") == 0, err)) &&
                kinds[t->kind](t, result, err);
    ticket_close(t);
    json_decref(said);
    return done;
}

int engine_main(int argc, char **argv, const struct maker *maker)
{
    struct error err;
    json_t *result = NULL;
    error_clear(&err);
    maker_use(maker);
    av_log_set_callback(quiet_log);
    // Frames come and go by the hundred: their memory is kept, not given back and zeroed each time.
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    signal(SIGXFSZ, SIG_IGN); // a file that grows past its limit is an error like any other
    if (work(argc > 1 ? argv[1] : "--sandbox=on", &result, &err))
        door_say(json_pack("{s:o}", "result", result));
    else
        asked_refuse(&err);
    _exit(0);
}
