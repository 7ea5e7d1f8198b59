/*
 * posthouse-engine: one ticket in, JSON lines out (docs/formats/ticket.md). The only program that
 * links libav and OpenEXR.
 *
 * It reads the ticket, closes the door behind itself, and only then opens what strangers made.
 */
#include "engine/ahead.h"
#include "engine/deliverable.h"
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

static void say_error(const struct error *err)
{
    door_say(json_pack("{s:{s:s, s:s, s:s, s:s}}", "error", "kind", error_facts(err->kind)->name,
                       "what", err->what, "why", err->why, "fix", err->fix));
}

static json_t *read_ticket(struct error *err)
{
    struct buf all = BUF_LIMIT(256 << 20);
    char *to;
    while ((to = buf_reserve(&all, 65536))) {
        ssize_t got = read(STDIN_FILENO, to, 65536);
        if (got <= 0)
            break;
        all.size += (size_t)got;
    }
    json_error_t why;
    json_t *ticket = json_loadb(all.at ? all.at : "", all.size, 0, &why);
    if (!ticket) {
        error_set(err, ERROR_INPUT, "the ticket is not JSON");
        error_why(err, "%s", why.text);
    }
    buf_free(&all);
    return ticket;
}

static void quiet_log(void *context, int level, const char *format, va_list list)
{
    if (level <= AV_LOG_ERROR)
        av_log_default_callback(context, level, format, list);
}

static bool work(const char *sandbox, json_t **result, struct error *err)
{
    static bool (*const kinds[])(const struct ticket *, json_t **, struct error *) = {
        probe_and_look, proxy,        captions, measure, stills,     verify, assemble,
        retag,          index_source, weigh,    segment, soundtrack, mux};
    struct ticket *t = NULL;
    json_t *said = read_ticket(err);
    bool done = said && ticket_parse(said, &t, err) && ahead_of_the_door(t, err) &&
                (strcmp(sandbox, "--sandbox=off") == 0 ||
                 sandbox_enter(strcmp(sandbox, "--sandbox=inside") == 0, err)) &&
                kinds[t->kind](t, result, err);
    ticket_close(t);
    json_decref(said);
    return done;
}

int main(int argc, char **argv)
{
    struct error err;
    json_t *result = NULL;
    error_clear(&err);
    av_log_set_callback(quiet_log);
    // Frames come and go by the hundred: their memory is kept, not given back and zeroed each time.
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    signal(SIGXFSZ, SIG_IGN); // a file that grows past its limit is an error like any other
    if (work(argc > 1 ? argv[1] : "--sandbox=on", &result, &err))
        door_say(json_pack("{s:o}", "result", result));
    else
        say_error(&err);
    _exit(0);
}
