#include "tickets/door.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct input {
    int64_t size;
    size_t count;
    struct door_piece *pieces;
    int64_t *starts; // of each piece in the input
    int *files;
    size_t file_count;
};

// A request and its answer belong together: guards the door.
static pthread_mutex_t asking = PTHREAD_MUTEX_INITIALIZER;

static bool send_all(const void *at, size_t size, struct error *err)
{
    while (size) {
        ssize_t sent = write(DOOR_DESCRIPTOR, at, size);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return error_errno(err, errno, "the engine's door is shut");
        at = (const char *)at + sent, size -= (size_t)sent;
    }
    return true;
}

// Reads exactly `size` bytes and keeps the descriptors that come along.
static bool receive(void *to, size_t size, int *files, size_t *file_count, struct error *err)
{
    while (size) {
        struct iovec piece = {to, size};
        char room[CMSG_SPACE(DOOR_AT_ONCE * sizeof(int))];
        struct msghdr m = {.msg_iov = &piece,
                           .msg_iovlen = 1,
                           .msg_control = room,
                           .msg_controllen = sizeof(room)};
        ssize_t got = recvmsg(DOOR_DESCRIPTOR, &m, MSG_CMSG_CLOEXEC);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_errno(err, got ? errno : EPIPE, "the engine's door is shut");
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
            size_t count =
                c->cmsg_type == SCM_RIGHTS ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
            for (size_t i = 0; i < count; i++) {
                int file;
                memcpy(&file, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                if (*file_count < DOOR_FILES)
                    files[(*file_count)++] = file;
                else
                    close(file);
            }
        }
        to = (char *)to + got, size -= (size_t)got;
    }
    return true;
}

static bool fits(const struct input *in, struct error *err)
{
    int64_t sum = 0;
    for (size_t i = 0; i < in->count; i++) {
        const struct door_piece *p = &in->pieces[i];
        if (p->which >= in->file_count || p->offset < 0 || p->length < 0 ||
            p->length > in->size - sum)
            return error_set(err, ERROR_INTERNAL, "the pieces of an input make no sense");
        in->starts[i] = sum;
        sum += p->length;
    }
    return sum == in->size || error_set(err, ERROR_INTERNAL, "an input's pieces miss some bytes");
}

static bool ask_for_input(struct input *in, size_t number, struct error *err)
{
    uint32_t ask = (uint32_t)number, count = 0;
    if (!send_all(&ask, sizeof(ask), err) ||
        !receive(&count, sizeof(count), in->files, &in->file_count, err))
        return false;
    if (count == DOOR_REFUSED || count > DOOR_PIECES)
        return error_set(err, ERROR_IO, "input %zu can not be opened", number + 1);
    in->count = count;
    in->pieces = calloc(count + 1, sizeof(*in->pieces));
    in->starts = calloc(count + 1, sizeof(*in->starts));
    return receive(in->pieces, count * sizeof(*in->pieces), in->files, &in->file_count, err) &&
           fits(in, err);
}

bool input_open(size_t number, int64_t size, struct input **to, struct error *err)
{
    struct input *in = calloc(1, sizeof(*in));
    in->size = size;
    in->files = calloc(DOOR_FILES, sizeof(int));
    pthread_mutex_lock(&asking);
    bool done = ask_for_input(in, number, err);
    pthread_mutex_unlock(&asking);
    if (done)
        *to = in;
    else
        input_close(in);
    return done;
}

void input_close(struct input *in)
{
    if (!in)
        return;
    for (size_t i = 0; i < in->file_count; i++)
        close(in->files[i]);
    free(in->files);
    free(in->pieces);
    free(in->starts);
    free(in);
}

bool input_grows(const struct input *in)
{
    return in->size == DOOR_GROWS;
}

struct so_far {
    int64_t there, over;
};

static bool look_how_far(const struct input *in, struct so_far *f)
{
    *f = (struct so_far){0, 1};
    return in->file_count == 2 && pread(in->files[1], f, sizeof(*f), 0) == (ssize_t)sizeof(*f);
}

int64_t input_size(const struct input *in)
{
    struct so_far f;
    return !input_grows(in) ? in->size : look_how_far(in, &f) ? f.there : 0;
}

// How many bytes from `offset` on are there, at least one; 0 at the end.
static int64_t wait_for_more(const struct input *in, int64_t offset)
{
    struct timespec rest = {.tv_nsec = 100000000};
    struct so_far f;
    while (look_how_far(in, &f) && f.there <= offset && !f.over)
        nanosleep(&rest, NULL);
    return f.there > offset ? f.there - offset : 0;
}

// The piece that holds `offset`, which is in the input.
static size_t piece_at(const struct input *in, int64_t offset)
{
    size_t low = 0, high = in->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (in->starts[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

bool input_read(const struct input *in, int64_t offset, void *to, size_t size, size_t *got,
                struct error *err)
{
    *got = 0;
    if (offset < 0 || offset >= in->size)
        return true;
    if (input_grows(in)) {
        int64_t more = wait_for_more(in, offset);
        size = (int64_t)size < more ? size : (size_t)more;
    }
    size_t i = input_grows(in) ? 0 : piece_at(in, offset);
    while (size && i < in->count) {
        const struct door_piece *p = &in->pieces[i];
        int64_t within = offset - in->starts[i];
        size_t some = p->length - within < (int64_t)size ? (size_t)(p->length - within) : size;
        if (!some) {
            i++;
            continue;
        }
        ssize_t n = pread(in->files[p->which], to, some, p->offset + within);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, errno, "cannot read the input at byte %lld", (long long)offset);
        if (n == 0) {
            error_set(err, ERROR_IO, "an input became shorter while it was read");
            return error_why(err, "byte %lld of it is not there any more", (long long)offset);
        }
        to = (char *)to + n, offset += n, size -= (size_t)n, *got += (size_t)n;
    }
    return true;
}

void input_expect(const struct input *in, int64_t offset, int64_t size)
{
    if (offset < 0 || offset >= in->size)
        return;
    for (size_t i = piece_at(in, offset); i < in->count && size > 0; i++) {
        int64_t within = offset - in->starts[i], some = in->pieces[i].length - within;
        some = some < size ? some : size;
        posix_fadvise(in->files[in->pieces[i].which], in->pieces[i].offset + within, some,
                      POSIX_FADV_WILLNEED);
        offset += some, size -= some;
    }
}

bool output_open(const char *name, int *descriptor, struct error *err)
{
    size_t size = strlen(name), file_count = 0;
    uint32_t ask = DOOR_OUTPUT | (uint32_t)size, count = 0;
    int files[DOOR_FILES];
    pthread_mutex_lock(&asking);
    bool answered = send_all(&ask, sizeof(ask), err) && send_all(name, size, err) &&
                    receive(&count, sizeof(count), files, &file_count, err);
    pthread_mutex_unlock(&asking);
    if (!answered)
        return false;
    if (count != 1 || file_count != 1)
        return error_set(err, ERROR_IO, "cannot make the output %s", name);
    *descriptor = files[0];
    return true;
}

void door_say(json_t *line)
{
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER; // guards standard output
    char *text = json_dumps(line, JSON_COMPACT);
    size_t size = text ? strlen(text) : 0;
    json_decref(line);
    if (!size)
        return;
    text[size++] = '\n'; // in place of the 0
    pthread_mutex_lock(&one_at_a_time);
    for (size_t done = 0; done < size;) {
        ssize_t n = write(STDOUT_FILENO, text + done, size - done);
        if (n < 0 && errno != EINTR)
            break; // nobody listens any more; the death signal is on its way
        done += n > 0 ? (size_t)n : 0;
    }
    pthread_mutex_unlock(&one_at_a_time);
    free(text);
}
