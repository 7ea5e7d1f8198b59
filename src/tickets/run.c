/*
 * One loop over four descriptors: the ticket goes in, lines and log come out, the door answers.
 *
 * Whatever happens the engine's whole group is gone and waited for when engine_run returns.
 */
#include "tickets/run.h"
#include "plat/child.h"
#include "plat/clock.h"
#include "tickets/door.h"
#include "tickets/ticket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_BYTES (256u << 20) // of an answer: facts of a film with much damage
#define LOG_BYTES 16384u        // of the end of standard error
#define TICK_MS 250

struct running {
    const struct engine_wish *wish;
    struct ticket *ticket;
    pid_t pid;
    int in, out, log, door, folder; // our ends; -1 when closed
    struct buf lines, said, asked;
    char *ticket_text;
    size_t ticket_sent, ticket_size;
    json_t *last;         // {"result":...} or {"error":...}
    struct error *err;    // of the whole run
    struct error refused; // why an input or output was refused
    bool inside_bwrap;
    int64_t started_us, heard_us, looked_us, paused_us;
};

static void shut(int *descriptor)
{
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
}

static bool make_pipe(int *ours, int *theirs, struct error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_errno(err, errno, "cannot start an engine");
    *ours = ends[0];
    *theirs = ends[1];
    fcntl(*ours, F_SETFL, O_NONBLOCK);
    return true;
}

// What we write to is a socket, since writing to a pipe of a dead engine would be a signal to us.
static bool make_socket(int *ours, int *theirs, struct error *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return error_errno(err, errno, "cannot start an engine");
    // An engine that asks and does not take the answer may not hold us up.
    struct timeval most = {.tv_sec = 20};
    setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
    *ours = ends[0];
    *theirs = ends[1];
    return true;
}

// ---- makers' helpers

static bool helper_named(const char *word, size_t size, char *to, size_t room)
{
    const char *all = getenv("POSTHOUSE_ENGINE_HELPERS");
    for (text rest = text_of(all), one; rest.size;) {
        one = text_cut(&rest, ' ');
        text name = text_cut(&one, '=');
        if (size && name.size == size && strncasecmp(name.at, word, size) == 0 && one.size)
            return text_copy(one, to, room);
    }
    return false;
}

bool engine_helps(const char *name)
{
    char program[PATH_MAX];
    const char *dot = strrchr(name, '.');
    return dot && helper_named(dot + 1, strlen(dot + 1), program, sizeof(program));
}

// By its ending, or by what an earlier look at it has found.
static bool helper_of(const struct ticket *t, const json_t *facts, char *to, size_t room)
{
    const char *name = t->input_count ? t->inputs[0].name : "", *dot = strrchr(name, '.');
    const json_t *first = json_array_get(json_object_get(facts, "video"), 0);
    const char *codec = json_string_value(json_object_get(first, "codec"));
    const json_t *maker = json_object_get(json_object_get(facts, "camera"), "helper");
    if (t->kind == TICKET_MUX || t->kind == TICKET_BAKE) // their inputs are packets, and tables
        return false;
    codec = json_is_string(maker) ? json_string_value(maker) : codec;
    return (dot && helper_named(dot + 1, strlen(dot + 1), to, room)) ||
           (codec && helper_named(codec, strlen(codec), to, room));
}

static size_t make_arguments(struct running *r, const char *engine, const char **to)
{
    size_t count = r->wish->sandbox == SANDBOX_ON ? sandbox_prefix(engine, to) : 0;
    r->inside_bwrap = count > 0;
    to[count++] = engine;
    to[count++] = r->wish->sandbox == SANDBOX_OFF ? "--sandbox=off"
                  : r->inside_bwrap               ? "--sandbox=inside"
                                                  : "--sandbox=on";
    to[count] = NULL;
    return count;
}

// Beside the engine lies the program that knows OpenColorIO.
static bool choose_program(const struct running *r, char *to, size_t room, struct error *err)
{
    if (r->wish->engine)
        snprintf(to, room, "%s", r->wish->engine);
    else if (helper_of(r->ticket, r->ticket->facts, to, room))
        return true;
    else if (!engine_path(to, room, err))
        return false;
    char *slash = strrchr(to, '/');
    if (r->ticket->kind == TICKET_BAKE && slash)
        snprintf(slash, room - (size_t)(slash - to), "/posthouse-colour");
    return true;
}

static bool start(struct running *r, struct error *err)
{
    char engine[PATH_MAX];
    const char *arguments[SANDBOX_ARGUMENTS];
    int theirs[4] = {-1, -1, -1, -1};
    bool done = false;
    if (!choose_program(r, engine, sizeof(engine), err))
        return false;
    if (!make_pipe(&r->out, &theirs[1], err) || !make_pipe(&r->log, &theirs[2], err) ||
        !make_socket(&r->in, &theirs[0], err) || !make_socket(&r->door, &theirs[3], err))
        goto out;
    make_arguments(r, engine, arguments);
    const struct ticket_limits *l = &r->ticket->limits;
    struct child_wish wish = {
        .arguments = arguments,
        .environment = (const char *const[]){"LANG=C.UTF-8", "PATH=/usr/bin", NULL},
        .pass = theirs,
        .pass_count = 4,
        .limits = {
            .file_bytes = l->output_bytes, .cpu_s = l->cpu_s, .files = 4096, .no_core = true}};
#if !defined(__SANITIZE_ADDRESS__)
    // Address space is more than memory: room for libraries, stacks and the heap's reserves.
    wish.limits.memory_bytes = l->memory_bytes + (2LL << 30);
#endif
    done = child_start(&wish, &r->pid, err) ||
           error_while(err, "the engine that opens media can not be started");
out:
    for (int i = 0; i < 4; i++)
        shut(&theirs[i]);
    return done;
}

// ---- the door

// The answer's bytes after `count`, with the descriptors in messages of DOOR_AT_ONCE.
static bool answer(int door, const void *at, size_t size, const int *files, size_t file_count)
{
    size_t sent_files = 0;
    while (size || sent_files < file_count) {
        size_t now =
            file_count - sent_files < DOOR_AT_ONCE ? file_count - sent_files : DOOR_AT_ONCE;
        // Descriptors need a byte to travel with: all but the last messages carry one.
        bool more = sent_files + now < file_count;
        struct iovec piece = {(void *)(uintptr_t)at, more ? 1 : size};
        char room[CMSG_SPACE(DOOR_AT_ONCE * sizeof(int))] = {0};
        struct msghdr m = {.msg_iov = &piece, .msg_iovlen = 1};
        if (now) {
            m.msg_control = room;
            m.msg_controllen = CMSG_SPACE(now * sizeof(int));
            struct cmsghdr *c = CMSG_FIRSTHDR(&m);
            c->cmsg_level = SOL_SOCKET;
            c->cmsg_type = SCM_RIGHTS;
            c->cmsg_len = CMSG_LEN(now * sizeof(int));
            memcpy(CMSG_DATA(c), files + sent_files, now * sizeof(int));
        }
        ssize_t n = sendmsg(door, &m, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at = (const char *)at + n, size -= (size_t)n, sent_files += now;
    }
    return true;
}

static void refuse(struct running *r)
{
    uint32_t no = DOOR_REFUSED;
    answer(r->door, &no, sizeof(no), NULL, 0);
}

// Gives every descriptor a number; the same one keeps its number.
static size_t number_files(const struct engine_pieces *from, struct door_piece *to, int *files)
{
    size_t count = 0, last = 0;
    for (size_t i = 0; i < from->count; i++) {
        const struct engine_run_piece *p = &from->at[i];
        size_t k = count && files[last] == p->descriptor ? last : 0;
        while (k < count && files[k] != p->descriptor)
            k++;
        if (k == count) {
            if (count == DOOR_FILES)
                return 0;
            files[count++] = p->descriptor;
        }
        last = k;
        to[i] = (struct door_piece){(uint32_t)k, 0, p->offset, p->length};
    }
    return count;
}

// A piece may name a descriptor that another names too: each is closed once.
static void close_pieces(struct engine_pieces *p)
{
    for (size_t i = 0; i < p->count; i++) {
        int descriptor = p->at[i].descriptor;
        if (descriptor < 0)
            continue;
        close(descriptor);
        for (size_t k = i; k < p->count; k++)
            if (p->at[k].descriptor == descriptor)
                p->at[k].descriptor = -1;
    }
    free(p->at);
}

static void give_input(struct running *r, uint32_t number)
{
    struct engine_pieces pieces = {0};
    int *files = NULL;
    char *reply = NULL;
    if (number >= ticket_inputs(r->ticket) ||
        !r->wish->open_input(r->wish->context, number, &pieces, &r->refused) ||
        pieces.count > DOOR_PIECES) {
        refuse(r);
        goto out;
    }
    files = calloc(DOOR_FILES, sizeof(*files));
    reply = calloc(1, 4 + (pieces.count + 1) * sizeof(struct door_piece));
    struct door_piece *list = calloc(pieces.count + 1, sizeof(*list));
    size_t file_count = number_files(&pieces, list, files);
    uint32_t count = (uint32_t)pieces.count;
    memcpy(reply, &count, 4);
    memcpy(reply + 4, list, pieces.count * sizeof(*list));
    free(list);
    if (pieces.count && !file_count) {
        error_set(&r->refused, ERROR_TOO_BIG, "an input lies in more than %u files", DOOR_FILES);
        refuse(r);
    } else {
        answer(r->door, reply, 4 + pieces.count * sizeof(struct door_piece), files, file_count);
    }
out:
    close_pieces(&pieces);
    free(files);
    free(reply);
}

static void give_output(struct running *r, text name)
{
    char path[300];
    int file = -1;
    if (r->folder >= 0 && ticket_output_name(name) && text_copy(name, path, sizeof(path)))
        file = openat(r->folder, path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (file < 0) {
        error_errno(&r->refused, r->folder < 0 ? ENOENT : errno, "cannot make the output %.*s",
                    (int)(name.size < 100 ? name.size : 100), name.at);
        refuse(r);
        return;
    }
    uint32_t one = 1;
    answer(r->door, &one, sizeof(one), &file, 1);
    close(file);
}

static bool hear_door(struct running *r)
{
    char *to = buf_reserve(&r->asked, 512);
    ssize_t got = to ? recv(r->door, to, 512, MSG_DONTWAIT) : 0;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0)
        return false;
    r->asked.size += (size_t)got;
    while (r->asked.size >= 4) {
        uint32_t ask;
        memcpy(&ask, r->asked.at, 4);
        size_t name = ask & DOOR_OUTPUT ? ask & ~DOOR_OUTPUT : 0;
        if (name > 255)
            return false; // it has gone mad
        if (r->asked.size < 4 + name)
            break;
        if (ask & DOOR_OUTPUT)
            give_output(r, (text){r->asked.at + 4, name});
        else
            give_input(r, ask);
        buf_drop_front(&r->asked, 4 + name);
    }
    return true;
}

// ---- what it says

static bool cancelled(struct running *r, const json_t *line)
{
    if (!r->wish->heard || r->wish->heard(r->wish->context, line))
        return false;
    error_set(r->err, ERROR_CANCELLED, "the work was cancelled");
    return true;
}

static bool hear_line(struct running *r, text line)
{
    json_error_t why;
    json_t *said = json_loadb(line.at, line.size, JSON_REJECT_DUPLICATES, &why);
    bool good = json_is_object(said);
    if (!good) {
        error_set(r->err, ERROR_CHILD, "the engine said something that is no JSON");
        error_why(r->err, "%s", why.text);
    } else if (json_object_get(said, "result") || json_object_get(said, "error")) {
        json_decref(r->last);
        r->last = json_incref(said);
    } else {
        good = !cancelled(r, said);
    }
    json_decref(said);
    return good;
}

static bool hear_lines(struct running *r)
{
    char *to = buf_reserve(&r->lines, 65536);
    ssize_t got = to ? read(r->out, to, 65536) : 0;
    if (!to) {
        error_set(r->err, ERROR_TOO_BIG, "the engine's answer is over %s",
                  size_text(LINE_BYTES).text);
        return false;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0) {
        shut(&r->out);
        return true;
    }
    size_t from = r->lines.size, begin = 0;
    r->lines.size += (size_t)got;
    r->heard_us = clock_tick_us();
    for (char *end; (end = memchr(r->lines.at + from, '\n', r->lines.size - from));) {
        text line = {r->lines.at + begin, (size_t)(end - r->lines.at) - begin};
        begin = from = (size_t)(end - r->lines.at) + 1;
        if (line.size && !hear_line(r, line))
            return false;
    }
    buf_drop_front(&r->lines, begin);
    return true;
}

static void hear_log(struct running *r)
{
    char some[4096];
    ssize_t got = read(r->log, some, sizeof(some));
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        shut(&r->log);
        return;
    }
    if (r->said.size + (size_t)got > LOG_BYTES)
        buf_drop_front(&r->said, r->said.size < (size_t)got ? r->said.size : (size_t)got);
    buf_add(&r->said, some, (size_t)got);
}

static void send_ticket(struct running *r)
{
    ssize_t n = send(r->in, r->ticket_text + r->ticket_sent, r->ticket_size - r->ticket_sent,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        r->ticket_sent += (size_t)n;
    if ((n < 0 && errno != EAGAIN && errno != EINTR) || r->ticket_sent == r->ticket_size)
        shut(&r->in);
}

// ---- watching

static bool within_limits(struct running *r)
{
    int64_t now = clock_tick_us();
    int silence_s = r->wish->silence_s ? r->wish->silence_s : 120;
    if (now - r->looked_us < TICK_MS * 1000)
        return true;
    r->looked_us = now;
    if (r->wish->paused && r->wish->paused(r->wish->context)) {
        if (!r->paused_us)
            child_signal(r->pid, SIGSTOP);
        r->paused_us = r->paused_us ? r->paused_us : now;
        return !cancelled(r, NULL);
    }
    if (r->paused_us) {
        child_signal(r->pid, SIGCONT);
        r->started_us += now - r->paused_us;
        r->heard_us = now;
        r->paused_us = 0;
    }
    if (now - r->heard_us > (int64_t)silence_s * 1000000) {
        error_set(r->err, ERROR_TIMEOUT, "the engine hung and was stopped");
        return error_why(r->err, "nothing was heard of it for %d s", silence_s);
    }
    if (r->wish->wall_s && now - r->started_us > r->wish->wall_s * 1000000) {
        error_set(r->err, ERROR_TIMEOUT, "the engine took too long and was stopped");
        return error_why(r->err, "it may take %lld s", (long long)r->wish->wall_s);
    }
    int64_t memory = child_memory(r->pid), most = r->ticket->limits.memory_bytes;
    if (memory > most) {
        error_set(r->err, ERROR_TOO_BIG, "the engine needed too much memory and was stopped");
        error_why(r->err, "it held %s of the %s it may have", size_text(memory).text,
                  size_text(most).text);
        return error_fix(r->err,
                         "give it more memory (limits.memory_bytes), or check that the file "
                         "is what it says");
    }
    return !cancelled(r, NULL);
}

// Until it has hung up on all of it, or something is wrong (then r->err says what).
static bool listen_to(struct running *r)
{
    while (r->out >= 0) {
        struct pollfd p[4] = {{.fd = r->out, .events = POLLIN},
                              {.fd = r->log, .events = POLLIN},
                              {.fd = r->door, .events = POLLIN},
                              {.fd = r->in, .events = POLLOUT}};
        if (poll(p, 4, TICK_MS) < 0 && errno != EINTR)
            return error_errno(r->err, errno, "cannot wait for the engine");
        if (p[3].revents)
            send_ticket(r);
        if (p[1].revents)
            hear_log(r);
        if (p[2].revents && !hear_door(r))
            shut(&r->door);
        if ((p[0].revents && !hear_lines(r)) || !within_limits(r))
            return false;
    }
    while (r->log >= 0) {
        struct pollfd p = {.fd = r->log, .events = POLLIN};
        if (poll(&p, 1, 200) <= 0)
            break;
        hear_log(r);
    }
    return true;
}

// ---- the end

static bool take_error(const struct running *r, const json_t *said, struct error *err)
{
    const char *kind = json_string_value(json_object_get(said, "kind"));
    const char *what = json_string_value(json_object_get(said, "what"));
    const char *why = json_string_value(json_object_get(said, "why"));
    const char *fix = json_string_value(json_object_get(said, "fix"));
    if (r->refused.kind != ERROR_NONE) { // the cause is on our side of the door
        *err = r->refused;
        return false;
    }
    error_set(err, kind ? error_kind_named(kind) : ERROR_CHILD, "%s",
              what ? what : "the engine failed");
    error_why(err, "%s", why ? why : "");
    return error_fix(err, "%s", fix ? fix : "");
}

static bool died(struct running *r, int status, struct error *err)
{
    // bubblewrap answers 128 + signal for what it started.
    if (r->inside_bwrap && WIFEXITED(status) && WEXITSTATUS(status) > 128)
        status = WEXITSTATUS(status) - 128;
    error_set(err, ERROR_CHILD, "the engine that opens media ended without an answer");
    size_t size = r->said.size;
    const char *tail = size ? r->said.at : "";
    for (size_t lines = 0; size && lines < 3 && size > 1; size--) // its last two lines
        lines += tail[size - 2] == '\n';
    error_why(err, "%s%s%.*s", child_status_text(status).text, r->said.size ? ": " : "",
              (int)(r->said.size - size < 400 ? r->said.size - size : 400), tail + size);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        return error_fix(err, "it used all the computing time it may have (limits.cpu_s)");
    return error_fix(err,
                     "it is tried again by itself; if that fails too, the file may be damaged");
}

static bool finish(struct running *r, bool heard_all, json_t **result, struct error *err)
{
    int status = 0;
    if (!heard_all || !child_wait(r->pid, 5000, &status))
        status = child_end(r->pid, 0);
    else
        child_signal(r->pid, SIGKILL); // nothing of its group may stay
    if (r->wish->log && r->said.size)
        buf_add(r->wish->log, r->said.at, r->said.size);
    if (!heard_all)
        return false;
    json_t *said = json_object_get(r->last, "error");
    if (said)
        return take_error(r, said, err);
    if (!r->last || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return died(r, status, err);
    *result = json_incref(json_object_get(r->last, "result"));
    return true;
}

static bool run_once(const struct engine_wish *wish, json_t **result, struct error *err)
{
    bool done = false;
    struct running r = {.wish = wish,
                        .in = -1,
                        .out = -1,
                        .log = -1,
                        .door = -1,
                        .folder = -1,
                        .lines = BUF_LIMIT(LINE_BYTES),
                        .said = BUF_LIMIT(LOG_BYTES + 8192),
                        .asked = BUF_LIMIT(4096),
                        .err = err};
    error_clear(&r.refused);
    if (!ticket_parse(wish->ticket, &r.ticket, err))
        goto out;
    r.ticket_text = json_dumps(wish->ticket, JSON_COMPACT);
    r.ticket_size = r.ticket_text ? strlen(r.ticket_text) : 0;
    if (wish->output_folder) {
        r.folder = open(wish->output_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (r.folder < 0) {
            error_errno(err, errno, "cannot write to the folder %s", wish->output_folder);
            goto out;
        }
    }
    if (!start(&r, err))
        goto out;
    r.started_us = r.heard_us = r.looked_us = clock_tick_us();
    bool heard_all = listen_to(&r);
    done = finish(&r, heard_all, result, err);
out:
    shut(&r.in);
    shut(&r.out);
    shut(&r.log);
    shut(&r.door);
    shut(&r.folder);
    json_decref(r.last);
    free(r.ticket_text);
    ticket_close(r.ticket);
    buf_free(&r.lines);
    buf_free(&r.said);
    buf_free(&r.asked);
    return done;
}

// ---- plain files

struct files {
    const struct engine_wish *wish;
    const char *const *paths;
    size_t count;
};

static bool open_file(void *context, size_t number, struct engine_pieces *pieces, struct error *err)
{
    const struct files *f = context;
    struct stat s;
    if (number >= f->count)
        return error_set(err, ERROR_INTERNAL, "there is no input %zu", number);
    int file = open(f->paths[number], O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &s) < 0) {
        error_errno(err, errno, "cannot open %s", f->paths[number]);
        if (file >= 0)
            close(file);
        return false;
    }
    pieces->count = 1;
    pieces->at = calloc(1, sizeof(*pieces->at));
    pieces->at[0] = (struct engine_run_piece){file, 0, s.st_size};
    return true;
}

static bool heard_file(void *context, const json_t *line)
{
    const struct files *f = context;
    return !f->wish->heard || f->wish->heard(f->wish->context, line);
}

static bool list_files(const struct files *f, json_t *ticket, struct error *err)
{
    json_t *inputs = json_array();
    json_object_set_new(ticket, "inputs", inputs);
    for (size_t i = 0; i < f->count; i++) {
        struct stat s;
        if (stat(f->paths[i], &s) < 0)
            return error_errno(err, errno, "cannot open %s", f->paths[i]);
        if (!S_ISREG(s.st_mode)) {
            error_set(err, ERROR_INPUT, "cannot open %s", f->paths[i]);
            return error_why(err, "it is not a file");
        }
        const char *slash = strrchr(f->paths[i], '/');
        const char *name = slash ? slash + 1 : f->paths[i];
        json_t *shown = json_stringn_nocheck(name, strlen(name));
        if (!text_utf8(text_of(name))) { // JSON can not hold it: only the ending matters
            json_decref(shown);
            const char *dot = strrchr(name, '.');
            shown = json_sprintf("input%s", dot && text_utf8(text_of(dot)) ? dot : "");
        }
        json_array_append_new(
            inputs, json_pack("{s:o, s:I}", "name", shown, "size", (json_int_t)s.st_size));
    }
    return true;
}

// What libav does not decode a helper may: then its facts count, with the word that leads to it.
static void ask_helper(const struct engine_wish *wish, json_t **result)
{
    char helper[PATH_MAX];
    struct ticket *t = NULL;
    struct error ignored;
    json_t *again = NULL;
    const json_t *camera = json_object_get(*result, "camera");
    if (wish->engine || !json_is_false(json_object_get(camera, "picture")) ||
        !ticket_parse(wish->ticket, &t, &ignored))
        return;
    const json_t *first = json_array_get(json_object_get(*result, "video"), 0);
    json_t *word = json_object_get(first, "codec");
    struct engine_wish with = *wish;
    with.engine = helper;
    if (t->kind == TICKET_PROBE && helper_of(t, *result, helper, sizeof(helper)) &&
        run_once(&with, &again, &ignored)) {
        json_t *own = json_object_get(again, "camera");
        if (!json_is_object(own)) {
            own = json_pack("{s:b}", "picture", 1);
            json_object_set_new(again, "camera", own);
        }
        json_object_set(own, "helper", word);
        json_decref(*result);
        *result = again;
    }
    ticket_close(t);
}

bool engine_run(const struct engine_wish *wish, json_t **result, struct error *err)
{
    if (!run_once(wish, result, err))
        return false;
    ask_helper(wish, result);
    return true;
}

bool engine_run_files(const struct engine_wish *wish, const char *const *paths, size_t count,
                      json_t **result, struct error *err)
{
    struct files files = {wish, paths, count};
    struct engine_wish with = *wish;
    with.ticket = json_copy(wish->ticket);
    with.open_input = open_file;
    with.heard = heard_file;
    with.context = &files;
    bool done = (json_object_get(with.ticket, "inputs") || list_files(&files, with.ticket, err)) &&
                engine_run(&with, result, err);
    json_decref(with.ticket);
    return done;
}

bool engine_path(char *to, size_t room, struct error *err)
{
    static const char *const places[] = {"",    "/engine",    "/../libexec/posthouse",
                                         "/..", "/../engine", "/../../engine"};
    char folder[PATH_MAX];
    const char *named = getenv("POSTHOUSE_ENGINE");
    if (named && *named) {
        snprintf(to, room, "%s", named);
        return true;
    }
    bool known = child_own_folder(folder, sizeof(folder));
    for (size_t i = 0; known && i < sizeof(places) / sizeof(places[0]); i++) {
        int size = snprintf(to, room, "%s%s/posthouse-engine", folder, places[i]);
        if (size > 0 && (size_t)size < room && access(to, X_OK) == 0) {
            char whole[PATH_MAX]; // without "..": the sandbox shows the engine at this very path
            if (realpath(to, whole) && strlen(whole) < room)
                memcpy(to, whole, strlen(whole) + 1);
            return true;
        }
    }
    error_set(err, ERROR_NOT_FOUND, "posthouse-engine is not there");
    error_why(err, "it is neither beside the program nor in ../libexec/posthouse");
    return error_fix(err, "build it, or say where it is: POSTHOUSE_ENGINE=/path/posthouse-engine");
}
