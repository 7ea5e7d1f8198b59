// Input and outputs are memory files: nothing to pump, no pipe that two sides can be stuck on.
#include "farm/launch/ask.h"
#include "plat/child.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { ENVIRONMENT_MOST = 1024, SAID_MOST = 64 << 10 };

bool program_find(const char *name, const char *fix, char *to, size_t room, struct error *err)
{
    const char *path = getenv("PATH");
    if (strchr(name, '/') && (size_t)snprintf(to, room, "%s", name) < room && access(to, X_OK) == 0)
        return true;
    for (text rest = text_of(path && path[0] ? path : "/usr/local/bin:/usr/bin:/bin"); rest.size;) {
        text folder = text_cut(&rest, ':');
        int size = snprintf(to, room, "%.*s/%s", (int)folder.size, folder.at, name);
        if (folder.size && !strchr(name, '/') && (size_t)size < room && access(to, X_OK) == 0)
            return true;
    }
    error_set(err, ERROR_NOT_FOUND, "there is no program %s here", name);
    return error_fix(err, "%s", fix);
}

static bool read_all(int from, struct buf *out)
{
    char piece[16384];
    ssize_t size;
    lseek(from, 0, SEEK_SET);
    while ((size = read(from, piece, sizeof(piece))) > 0)
        buf_add(out, piece, (size_t)size);
    return size == 0;
}

// The last line that says something.
static text last_line(text said)
{
    text found = {"", 0};
    while (said.size) {
        text line = text_trim(text_cut(&said, '\n'));
        if (line.size)
            found = line;
    }
    return found;
}

static const char *const *environment_with(const char *const *extra, const char **to)
{
    size_t count = 0;
    for (size_t i = 0; environ[i] && count < ENVIRONMENT_MOST - 16; i++)
        to[count++] = environ[i];
    for (size_t i = 0; extra && extra[i] && i < 15; i++)
        to[count++] = extra[i];
    to[count] = NULL;
    return to;
}

static bool run(const struct program_wish *wish, int files[3], int *status, struct error *err)
{
    const char *environment[ENVIRONMENT_MOST];
    size_t written = 0;
    pid_t pid;
    while (written < wish->input.size) {
        ssize_t n = write(files[0], wish->input.at + written, wish->input.size - written);
        if (n <= 0)
            return error_errno(err, errno, "%s", wish->doing);
        written += (size_t)n;
    }
    lseek(files[0], 0, SEEK_SET);
    struct child_wish child = {.arguments = wish->arguments,
                               .environment = environment_with(wish->extra, environment),
                               .pass = files,
                               .pass_count = 3,
                               .limits = {.file_bytes = (int64_t)256 << 20, .no_core = true}};
    if (!child_start(&child, &pid, err))
        return error_while(err, "%s", wish->doing);
    int64_t timeout = wish->timeout_ms > INT_MAX ? INT_MAX : wish->timeout_ms;
    if (child_wait(pid, timeout > 0 ? (int)timeout : -1, status))
        return true;
    child_end(pid, 500);
    error_set(err, ERROR_TIMEOUT, "%s", wish->doing);
    return error_why(err, "%s did not answer within %s", wish->arguments[0],
                     time_text(wish->timeout_ms / 1000).text);
}

bool program_ask(const struct program_wish *wish, struct buf *out, int *status, struct error *err)
{
    int files[3], ended = 0;
    struct buf said = BUF_LIMIT(SAID_MOST);
    bool ok = true;
    for (int i = 0; i < 3; i++)
        ok &= (files[i] = memfd_create("posthouse", MFD_CLOEXEC)) >= 0;
    if (!ok)
        error_errno(err, errno, "%s", wish->doing);
    ok = ok && run(wish, files, &ended, err);
    if (status)
        *status = ended;
    if (ok && !read_all(files[1], out))
        ok = error_errno(err, errno, "%s", wish->doing);
    if (ok && out->over)
        ok = error_set(err, ERROR_TOO_BIG, "%s: %s says too much", wish->doing, wish->arguments[0]);
    if (ok && ended != 0) {
        read_all(files[2], &said);
        text line = last_line((text){said.at ? said.at : "", said.size});
        error_set(err, ERROR_CHILD, "%s", wish->doing);
        ok = error_why(err, "%s: %s%s%.*s", wish->arguments[0], child_status_text(ended).text,
                       line.size ? ": " : "", (int)(line.size < 400 ? line.size : 400), line.at);
    }
    for (int i = 0; i < 3; i++)
        if (files[i] >= 0)
            close(files[i]);
    buf_free(&said);
    return ok;
}
