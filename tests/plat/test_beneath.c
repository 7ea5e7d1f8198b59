#include "test.h"

#include "plat/aside.h"
#include "plat/beneath.h"

#include <pthread.h>
#include <unistd.h>

// Numbers of file systems: statfs(2), and linux/magic.h of 6.1.
static void only_disks_of_this_machine_tell_of_all_changes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t type;
        bool local, inodes_last;
    } types[] = {
        {"nfs, nfs4", 0x6969, false, true},  {"smb", 0x517b, false, true},
        {"cifs", 0xff534d42, false, true},   {"smb2", 0xfe534d42, false, true},
        {"fuse", 0x65735546, false, false},  {"ceph", 0x00c36400, false, true},
        {"9p", 0x01021997, false, true},     {"afs", 0x5346414f, false, true},
        {"lustre", 0x0bd00bd0, false, true}, {"gpfs", 0x47504653, false, true},
        {"ext4", 0xef53, true, true},        {"xfs", 0x58465342, true, true},
        {"btrfs", 0x9123683e, true, true},   {"tmpfs", 0x01021994, true, true},
        {"exfat", 0x2011bab0, true, true},   {"zfs", 0x2fc12fc1, true, true},
        {"overlay", 0x794c7630, true, true},
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (beneath_type_is_local(types[i].type) != types[i].local)
            fail_msg("%s: told of all changes", types[i].name);
        if (beneath_type_inodes_last(types[i].type) != types[i].inodes_last)
            fail_msg("%s: inodes last", types[i].name);
    }
}

// ---- calls that may never return

struct waiting {
    struct aside aside;
    int *forgotten; // guarded by lock
    bool hangs;
};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool answered; // guarded by lock

static void work(struct aside *a)
{
    pthread_mutex_lock(&lock);
    while (((struct waiting *)a)->hangs && !answered)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void forget(struct aside *a)
{
    pthread_mutex_lock(&lock);
    ++*((struct waiting *)a)->forgotten;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    free(a);
}

static struct aside *call_made(int *forgotten, bool hangs)
{
    struct waiting *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    w->aside.work = work;
    w->aside.forget = forget;
    w->forgotten = forgotten;
    w->hangs = hangs;
    return &w->aside;
}

static void a_call_that_hangs_is_left_and_what_it_holds_is_freed_when_it_returns(void **state)
{
    (void)state;
    struct asides *all = asides_open(2);
    int hung = 0, refused = 0, done = 0;
    assert_false(aside_do(all, call_made(&hung, true), "a", 10));
    assert_false(aside_do(all, call_made(&refused, false), "a", 60000));
    assert_int_equal(refused, 1); // at once: one of its key is out
    struct aside *good = call_made(&done, false);
    assert_true(aside_do(all, good, "b", 60000));
    good->forget(good);
    assert_int_equal(done, 1);
    assert_false(aside_do(all, call_made(&hung, true), "c", 10));
    assert_false(aside_do(all, call_made(&refused, false), "d", 60000)); // that were too many
    assert_int_equal(refused, 2);
    asides_close(all); // the last that returns frees it
    pthread_mutex_lock(&lock);
    assert_int_equal(hung, 0);
    answered = true;
    pthread_cond_broadcast(&changed);
    while (hung < 2)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_disks_of_this_machine_tell_of_all_changes),
        cmocka_unit_test(a_call_that_hangs_is_left_and_what_it_holds_is_freed_when_it_returns),
    };
    return RUN_TESTS(tests);
}
