// Tries to get out of the inner wall, as root (when the test is) and as an ordinary user.
#include "test.h"

#include "plat/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool reads_a_file(void)
{
    return open("/etc/passwd", O_RDONLY) >= 0 || syscall(SYS_open, "/etc/passwd", O_RDONLY) >= 0 ||
           syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", NULL, 0) >= 0;
}
static bool writes_a_file(void)
{
    return open("/tmp/posthouse-escaped", O_RDWR | O_CREAT, 0600) >= 0 ||
           mkdir("/tmp/posthouse-escaped.d", 0700) == 0 || rename("/tmp/a", "/tmp/b") == 0 ||
           errno != EPERM;
}
static bool makes_a_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_UNIX, SOCK_DGRAM, 0) >= 0;
}
static bool traces_its_parent(void)
{
    return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0 || kill(getppid(), 0) == 0;
}
static bool starts_a_process(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return child > 0 || execl("/bin/true", "true", (char *)NULL) == 0 || errno != EPERM;
}
static bool changes_the_machine(void)
{
    return mount("none", "/mnt", "tmpfs", 0, NULL) == 0 || unshare(CLONE_NEWUSER) == 0 ||
           syscall(SYS_bpf, 0, NULL, 0) >= 0 || syscall(SYS_io_uring_setup, 1, NULL) >= 0 ||
           syscall(SYS_keyctl, 0, 0) >= 0 || errno != EPERM;
}

static const struct {
    const char *name;
    bool (*escapes)(void);
} ways[] = {
    {"reads a file", reads_a_file},         {"writes a file", writes_a_file},
    {"makes a socket", makes_a_socket},     {"traces its parent", traces_its_parent},
    {"starts a process", starts_a_process}, {"changes the machine", changes_the_machine},
};

static void try_all(uid_t user)
{
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            struct error err;
            if (user && setuid(user) < 0)
                _exit(3);
            _exit(!sandbox_enter(false, &err) ? 2 : ways[i].escapes());
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            fail_msg("as user %d: %s (status %x)", (int)user, ways[i].name, status);
    }
}

static void nothing_gets_out_as_we_are(void **state)
{
    (void)state;
    try_all(0);
}

static void nothing_gets_out_as_an_ordinary_user(void **state)
{
    (void)state;
    if (getuid() != 0)
        skip();
    try_all(65534);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_gets_out_as_we_are),
        cmocka_unit_test(nothing_gets_out_as_an_ordinary_user),
    };
    return RUN_TESTS(tests);
}
