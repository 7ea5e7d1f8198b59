#include "test.h"

#include "base/arena.h"
#include "farm/lines.h"
#include "farm/process.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// ---- lines

struct heard {
    struct buf text; // each line and then "|", or "+" where it continues
    size_t count, longest;
};

static void hear(void *context, text line, bool continues)
{
    struct heard *h = context;
    buf_add(&h->text, line.at, line.size);
    buf_text(&h->text, continues ? "+" : "|");
    h->count++;
    h->longest = line.size > h->longest ? line.size : h->longest;
}

static void split(const char *bytes, size_t size, size_t step, struct heard *h)
{
    struct lines l;
    *h = (struct heard){.text = BUF_LIMIT(16 << 20)};
    lines_begin(&l, hear, h);
    for (size_t at = 0; at < size; at += step)
        lines_add(&l, bytes + at, size - at < step ? size - at : step);
    lines_end(&l);
}

static void lines_end_with_lf_cr_or_both_however_they_arrive(void **state)
{
    (void)state;
    static const char said[] = "one\ntwo\r\nthree\rfour\r\r\nfive\n\r\nsix";
    for (size_t step = 1; step < sizeof(said); step++) {
        struct heard h;
        split(said, sizeof(said) - 1, step, &h);
        assert_string_equal(h.text.at, "one|two|three|four||five||six|");
        buf_free(&h.text);
    }
}

static void what_is_no_text_is_written_as_numbers(void **state)
{
    (void)state;
    static const char said[] =
        "gr\xc3\xbc\xc3\xdf \xff\0 \xe2\x82\xac \xed\xa0\x80 \xf0\x9f\x8e\xac\n\xe2\x82";
    for (size_t step = 1; step < sizeof(said); step++) {
        struct heard h;
        split(said, sizeof(said) - 1, step, &h);
        assert_string_equal(h.text.at, "gr\xc3\xbc\\xc3\\xdf \\xff\\x00 \xe2\x82\xac "
                                       "\\xed\\xa0\\x80 \xf0\x9f\x8e\xac|\\xe2\\x82|");
        buf_free(&h.text);
    }
}

static void a_long_line_comes_in_pieces_that_cut_no_character(void **state)
{
    (void)state;
    struct buf said = BUF_LIMIT(4 << 20);
    for (int i = 0; i < 100000; i++)
        buf_text(&said, "\xe2\x82\xac"); // 3 bytes: no multiple of the size of a piece
    buf_text(&said, "\nshort\n");
    struct heard h;
    split(said.at, said.size, 4096, &h);
    size_t whole = 0;
    for (size_t i = 0; i < h.text.size; i++)
        whole += h.text.at[i] != '+' && h.text.at[i] != '|';
    assert_int_equal(whole, 300000 + 5);
    assert_int_equal(h.count, 300000 / 65535 + 2);
    assert_true(h.longest <= LINE_MOST);
    assert_true(text_utf8((text){h.text.at, h.text.size}));
    buf_free(&h.text);
    buf_free(&said);
    char *exact = malloc(LINE_MOST + 1); // one that just fits continues nowhere
    memset(exact, 'x', LINE_MOST);
    exact[LINE_MOST] = '\n';
    split(exact, LINE_MOST + 1, LINE_MOST + 1, &h);
    assert_int_equal(h.count, 1);
    buf_free(&h.text);
    free(exact);
}

// ---- processes

struct child {
    struct keeper *k;
    struct heard heard;
    struct process_end end;
    enum process_ask ask; // answered once `after` was heard
    const char *after;
    int64_t noticed_ms;
    char mark[64];
};

static void hear_child(void *context, text line, bool continues)
{
    struct child *c = context;
    hear(&c->heard, line, continues);
}

static enum process_ask asked(void *context)
{
    struct child *c = context;
    bool now = c->ask && (!c->after || (c->heard.text.at && strstr(c->heard.text.at, c->after)));
    return now ? c->ask : PROCESS_GO_ON;
}

static void noticed(void *context, int64_t notice_ms)
{
    ((struct child *)context)->noticed_ms = notice_ms;
}

static void begin(struct child *c)
{
    static int number;
    struct error err;
    *c = (struct child){.heard.text = BUF_LIMIT(8 << 20)};
    c->k = keeper_open(&err);
    assert_non_null(c->k);
    snprintf(c->mark, sizeof(c->mark), "POSTHOUSE_TEST_MARK=%d-%d", (int)getpid(), ++number);
}

// Processes that carry the mark in their environment.
static int living(const struct child *c)
{
    int count = 0;
    DIR *all = opendir("/proc");
    for (struct dirent *e; (e = readdir(all));) {
        char path[300], some[8192];
        if (!isdigit((unsigned char)e->d_name[0]))
            continue;
        snprintf(path, sizeof(path), "/proc/%s/environ", e->d_name);
        int file = open(path, O_RDONLY);
        ssize_t got = file < 0 ? -1 : read(file, some, sizeof(some));
        if (file >= 0)
            close(file);
        count += got > 0 && memmem(some, (size_t)got, c->mark, strlen(c->mark) + 1) != NULL;
    }
    closedir(all);
    return count;
}

static void run(struct child *c, const char *script, struct process_wish wish)
{
    struct error err;
    const char *arguments[] = {"sh", "-c", script, NULL};
    const char *environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", c->mark, NULL};
    wish.arguments = arguments;
    wish.environment = environment;
    wish.folder = "/tmp";
    wish.line = hear_child;
    wish.ask = asked;
    wish.noticed = noticed;
    wish.context = c;
    if (!process_run(c->k, &wish, &c->end, &err))
        fail_msg("%s: %s", err.what, err.why);
    wish.arguments = arguments;
}

static void finish(struct child *c)
{
    assert_true(keeper_close(c->k, 20000));
    assert_int_equal(living(c), 0);
    buf_free(&c->heard.text);
}

#define SAID(c) ((c)->heard.text.at ? (c)->heard.text.at : "")

static void both_outputs_come_in_the_order_of_writing(void **state)
{
    (void)state;
    struct child c;
    begin(&c);
    run(&c, "i=0; while [ $i -lt 200 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done; exit 7",
        (struct process_wish){0});
    assert_int_equal(c.end.why, PROCESS_ENDED);
    assert_true(WIFEXITED(c.end.status) && WEXITSTATUS(c.end.status) == 7);
    struct buf want = BUF_LIMIT(1 << 16);
    for (int i = 0; i < 200; i++)
        buf_format(&want, "o%d|e%d|", i, i);
    assert_string_equal(SAID(&c), want.at);
    buf_free(&want);
    finish(&c);
}

static void a_program_sees_only_what_it_is_given(void **state)
{
    (void)state;
    struct child c;
    begin(&c);
    run(&c,
        "env | grep -v MARK | sort; pwd; ls /proc/self/fd | tr '\\n' ' '; "
        "[ -t 0 ] || read x || echo; echo no input",
        (struct process_wish){0});
    assert_string_equal(SAID(&c),
                        "PATH=/usr/local/bin:/usr/bin:/bin|PWD=/tmp|/tmp|0 1 2 3 |no input|");
    finish(&c);
}

static void a_missing_program_is_an_error_that_names_it(void **state)
{
    (void)state;
    struct child c;
    struct error err;
    begin(&c);
    static const struct {
        const char *name;
        enum error_kind kind;
    } wrong[] = {{"no-such-renderer", ERROR_NOT_FOUND},
                 {"/no/such/renderer", ERROR_NOT_FOUND},
                 {"/etc/passwd", ERROR_DENIED},
                 {"", ERROR_NOT_FOUND}};
    for (size_t i = 0; i < 4; i++) {
        const char *arguments[] = {wrong[i].name, NULL}, *environment[] = {"PATH=/bin", NULL};
        struct process_wish wish = {
            .arguments = arguments, .environment = environment, .folder = "/tmp"};
        assert_false(process_run(c.k, &wish, &c.end, &err));
        assert_int_equal(err.kind, wrong[i].kind);
        assert_non_null(strstr(err.what, wrong[i].name));
    }
    run(&c, "echo still well", (struct process_wish){0}); // the keeper goes on
    assert_string_equal(SAID(&c), "still well|");
    finish(&c);
}

static void daemons_that_left_the_group_die_with_the_keeper(void **state)
{
    (void)state;
    struct child c;
    begin(&c);
    run(&c,
        "for i in 1 2 3; do (setsid sh -c '(trap \"\" TERM HUP INT; sleep 1000; sleep 1000) & ' "
        "</dev/null >/dev/null 2>&1 &); done; echo done",
        (struct process_wish){0});
    assert_int_equal(c.end.why, PROCESS_ENDED);
    while (living(&c) < 3) // they may still be on their way
        clock_sleep_ms(10);
    c.heard.text.size = 0;
    run(&c, "echo second", (struct process_wish){0}); // and live on for the next program
    assert_string_equal(SAID(&c), "second|");
    assert_true(living(&c) >= 3);
    finish(&c);
}

static void cancelling_kills_the_work_and_spares_what_was_there_before(void **state)
{
    (void)state;
    struct child c;
    begin(&c);
    run(&c, "setsid sleep 1000 >/dev/null 2>&1 & echo daemon", (struct process_wish){0});
    while (living(&c) != 1)
        clock_sleep_ms(10);
    c.ask = PROCESS_CANCEL;
    c.after = "working";
    clock_sleep_ms(20); // processes are told apart by their start, in hundredths of a second
    run(&c,
        "trap '' TERM; (setsid sh -c 'sleep 1000 & sleep 1000' >/dev/null 2>&1 &); echo working; "
        "while :; do sleep 1000; done",
        (struct process_wish){0});
    assert_int_equal(c.end.why, PROCESS_CANCELLED);
    assert_int_equal(c.noticed_ms, 0);
    for (int i = 0; i < 2000 && living(&c) != 1; i++)
        clock_sleep_ms(10);
    assert_int_equal(living(&c), 1);
    finish(&c);
}

static void a_notice_comes_before_the_kill(void **state)
{
    (void)state;
    struct child c;
    begin(&c);
    c.ask = PROCESS_CANCEL;
    c.after = "ready";
    run(&c, "trap 'echo saved; exit 3' TERM; echo ready; while :; do sleep 0.05; done",
        (struct process_wish){.notice_ms = 60000});
    assert_int_equal(c.end.why, PROCESS_CANCELLED);
    assert_int_equal(c.noticed_ms, 60000);
    assert_string_equal(SAID(&c), "ready|saved|");
    assert_true(WIFEXITED(c.end.status) && WEXITSTATUS(c.end.status) == 3);
    c.heard.text.size = 0;
    run(&c, "trap 'echo no' TERM; echo ready; while :; do sleep 0.05; done", // too stubborn
        (struct process_wish){.notice_ms = 300});
    assert_true(WIFSIGNALED(c.end.status) && WTERMSIG(c.end.status) == SIGKILL);
    assert_memory_equal(SAID(&c), "ready|", 6); // whether it came to say no is the machine's affair
    finish(&c);
}

static void a_timeout_ends_it(void **state)
{
    (void)state;
    struct child c;
    struct error err;
    begin(&c);
    run(&c, "sleep 1000 & sleep 1000", (struct process_wish){.timeout_ms = 300});
    assert_int_equal(c.end.why, PROCESS_TIMED_OUT);
    const char *arguments[] = {"blender", NULL};
    assert_false(process_good(&(struct process_wish){.arguments = arguments, .timeout_ms = 300},
                              &c.end, &err));
    assert_int_equal(err.kind, ERROR_TIMEOUT);
    assert_non_null(strstr(err.what, "blender"));
    finish(&c);
}

// Pauses it once it has said something, for two seconds, and then goes on.
struct pausing {
    struct child child;
    const char *file; // that grows while it runs
    int64_t said_us, paused_us;
    off_t size; // when it was stopped for certain
};

static enum process_ask asked_to_pause(void *context)
{
    struct pausing *p = context;
    struct stat seen;
    int64_t now = clock_tick_us();
    if (!p->paused_us && stat(p->file, &seen) == 0 && seen.st_size > 20)
        p->paused_us = now;
    if (!p->paused_us || now - p->paused_us > 2500000)
        return PROCESS_GO_ON;
    if (now - p->paused_us > 700000 && stat(p->file, &seen) == 0) {
        if (p->size && p->size != seen.st_size)
            fail_msg("it goes on while it is paused");
        p->size = seen.st_size;
    }
    return PROCESS_PAUSE;
}

static void a_pause_stops_all_of_it_and_counts_for_no_limit(void **state)
{
    (void)state;
    struct error err;
    char file[] = "/tmp/pause-XXXXXX", script[300];
    close(mkstemp(file));
    struct pausing p = {.file = file};
    begin(&p.child);
    // One that writes, in a session of its own, and one that waits for it.
    snprintf(script, sizeof(script),
             "setsid sh -c 'for i in $(seq 40); do echo $i >>%s; sleep 0.05; done' & wait; "
             "echo whole",
             file);
    const char *arguments[] = {"sh", "-c", script, NULL};
    const char *environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", p.child.mark, NULL};
    struct process_wish wish = {.arguments = arguments,
                                .environment = environment,
                                .folder = "/tmp",
                                .ask = asked_to_pause,
                                .timeout_ms = 60000,
                                .silence_s = 2, // frozen, if the pause counted
                                .context = &p};
    assert_true(process_run(p.child.k, &wish, &p.child.end, &err));
    assert_int_equal(p.child.end.why, PROCESS_ENDED);
    assert_int_equal(p.child.end.status, 0);
    assert_true(p.size > 0);
    unlink(file);
    finish(&p.child);
}

static void silence_with_computing_is_no_freeze_and_without_it_is(void **state)
{
    (void)state;
    struct child c;
    begin(&c);
    // Computes without a word for longer than the limit, in a grandchild; then waits for nothing.
    run(&c,
        "sh -c 'perl -e \"my \\$t = times; 1 while times - \\$t < 2.5\"'; echo computed; exec "
        "sleep 1000",
        (struct process_wish){.silence_s = 1});
    assert_int_equal(c.end.why, PROCESS_FROZEN);
    assert_string_equal(SAID(&c), "computed|");
    finish(&c);
}

static void memory_is_limited_over_the_whole_tree(void **state)
{
    (void)state;
    struct child c;
    begin(&c);
    run(&c,
        "for i in 1 2 3; do perl -e 'my $x = \"x\" x 60_000_000; sleep 1000' & done; echo on; wait",
        (struct process_wish){.memory_bytes = 120000000});
    assert_int_equal(c.end.why, PROCESS_OVER_MEMORY);
    assert_true(c.end.memory_peak_bytes > 120000000);
    c.heard.text.size = 0;
    // Shared after a fork: it is counted once.
    run(&c,
        "perl -e 'my $x = \"x\" x 60_000_000; for (1..3) { fork or do { sleep 2; exit } } "
        "1 while wait > 0; print \"fine\\n\"'",
        (struct process_wish){.memory_bytes = 300000000});
    assert_int_equal(c.end.why, PROCESS_ENDED);
    assert_string_equal(SAID(&c), "fine|");
    finish(&c);
}

static void a_process_that_multiplies_is_stopped(void **state)
{
    (void)state;
    struct child c;
    begin(&c);
    run(&c, "i=0; while [ $i -lt 120 ]; do setsid sleep 1000 & i=$((i + 1)); done; wait",
        (struct process_wish){.processes = 60, .timeout_ms = 60000});
    assert_int_equal(c.end.why, PROCESS_OVER_COUNT);
    finish(&c);
}

static void a_flood_and_a_giant_line_pass_in_bounded_memory(void **state)
{
    (void)state;
    struct child c;
    begin(&c);
    bool whole =
        getenv("POSTHOUSE_TEST_SIZE") && strcmp(getenv("POSTHOUSE_TEST_SIZE"), "long") == 0;
    char script[200];
    snprintf(script, sizeof(script), "head -c %d /dev/zero | tr '\\0' x; echo; echo end",
             whole ? 1000000000 : 50000000);
    c.heard.text.limit = 1000;
    run(&c, script, (struct process_wish){0});
    assert_int_equal(c.end.why, PROCESS_ENDED);
    assert_int_equal(c.heard.longest, LINE_MOST);
    assert_true(c.heard.count > 50000000 / LINE_MOST);
    c.heard.text = (struct buf)BUF_LIMIT(1000);
    c.ask = PROCESS_CANCEL;
    c.after = "y|y|y";
    run(&c, "exec yes", (struct process_wish){0});
    assert_int_equal(c.end.why, PROCESS_CANCELLED);
    finish(&c);
}

static void closing_its_output_does_not_end_it_and_leaving_it_open_does_not_hold_us(void **state)
{
    (void)state;
    struct child c;
    begin(&c);
    run(&c, "exec >/dev/null 2>&1; sleep 0.5; exit 5", (struct process_wish){0});
    assert_true(WIFEXITED(c.end.status) && WEXITSTATUS(c.end.status) == 5);
    run(&c, "(setsid sleep 1000 &); echo left", (struct process_wish){0});
    assert_true(c.end.output_left_open);
    assert_string_equal(SAID(&c), "left|");
    finish(&c);
}

static void a_file_may_not_outgrow_its_limit(void **state)
{
    (void)state;
    struct child c;
    char path[] = "/tmp/posthouse-process-XXXXXX", script[200];
    close(mkstemp(path));
    begin(&c);
    snprintf(script, sizeof(script), "exec head -c 3000000 /dev/zero >%s", path);
    run(&c, script, (struct process_wish){.file_bytes = 1000000});
    assert_true(WIFSIGNALED(c.end.status) && WTERMSIG(c.end.status) == SIGXFSZ);
    unlink(path);
    finish(&c);
}

static void a_program_may_be_held_to_some_cores(void **state)
{
    (void)state;
    struct child c;
    cpu_set_t mine, one;
    sched_getaffinity(0, sizeof(mine), &mine);
    CPU_ZERO(&one);
    int last = 0;
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &mine))
            last = i;
    CPU_SET(last, &one);
    begin(&c);
    run(&c, "grep Cpus_allowed_list /proc/self/status", (struct process_wish){.cores = &one});
    char want[64];
    snprintf(want, sizeof(want), "Cpus_allowed_list:\t%d|", last);
    assert_string_equal(SAID(&c), want);
    finish(&c);
}

// A worker that dies in any way takes all along: here a process that opened keepers in threads.
static void *keep_one(void *context)
{
    struct child *c = context;
    c->k = keeper_open(&(struct error){0});
    c->ask = PROCESS_GO_ON;
    run(c, "(setsid sh -c 'trap \"\" TERM; sleep 1000; sleep 1000' &); sleep 1000",
        (struct process_wish){0});
    return NULL;
}

static void when_the_worker_is_killed_everything_dies(void **state)
{
    (void)state;
    struct child c[3];
    for (int i = 0; i < 3; i++) {
        begin(&c[i]);
        keeper_close(c[i].k, 5000);
    }
    pid_t worker = fork();
    if (worker == 0) {
        pthread_t t;
        for (int i = 0; i < 3; i++)
            pthread_create(&t, NULL, keep_one, &c[i]);
        for (;;)
            pause();
    }
    assert_true(worker > 0); // -1 would be everybody
    for (int i = 0; i < 3; i++) {
        while (living(&c[i]) < 3)
            clock_sleep_ms(10);
        buf_free(&c[i].heard.text);
    }
    kill(worker, SIGKILL);
    waitpid(worker, NULL, 0);
    for (int i = 0; i < 3; i++)
        for (int tries = 0; living(&c[i]) > 0; tries++) {
            assert_true(tries < 3000);
            clock_sleep_ms(10);
        }
}

static void many_keepers_at_a_time_do_not_touch_each_other(void **state)
{
    (void)state;
    struct child c[8];
    for (int i = 0; i < 8; i++) {
        begin(&c[i]);
        run(&c[i], "setsid sleep 1000 >/dev/null 2>&1 & echo on", (struct process_wish){0});
    }
    for (int i = 0; i < 8; i++)
        while (living(&c[i]) != 1)
            clock_sleep_ms(10);
    for (int i = 0; i < 8; i += 2)
        finish(&c[i]);
    for (int i = 1; i < 8; i += 2) {
        assert_int_equal(living(&c[i]), 1);
        finish(&c[i]);
    }
}

static void scratch_is_refused_where_there_is_no_room(void **state)
{
    (void)state;
    char parent[] = "/tmp/posthouse-scratch-XXXXXX", made[256];
    struct error err;
    struct stat s;
    assert_non_null(mkdtemp(parent));
    assert_true(scratch_make(parent, 1000, made, sizeof(made), &err));
    assert_true(stat(made, &s) == 0 && (s.st_mode & 07777) == 0700);
    assert_false(scratch_make(parent, INT64_MAX, made, sizeof(made), &err));
    assert_int_equal(err.kind, ERROR_NO_SPACE);
    assert_true(folder_remove(parent, &err));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_end_with_lf_cr_or_both_however_they_arrive),
        cmocka_unit_test(what_is_no_text_is_written_as_numbers),
        cmocka_unit_test(a_long_line_comes_in_pieces_that_cut_no_character),
        cmocka_unit_test(both_outputs_come_in_the_order_of_writing),
        cmocka_unit_test(a_program_sees_only_what_it_is_given),
        cmocka_unit_test(a_missing_program_is_an_error_that_names_it),
        cmocka_unit_test(daemons_that_left_the_group_die_with_the_keeper),
        cmocka_unit_test(cancelling_kills_the_work_and_spares_what_was_there_before),
        cmocka_unit_test(a_notice_comes_before_the_kill),
        cmocka_unit_test(a_timeout_ends_it),
        cmocka_unit_test(a_pause_stops_all_of_it_and_counts_for_no_limit),
        cmocka_unit_test(silence_with_computing_is_no_freeze_and_without_it_is),
        cmocka_unit_test(memory_is_limited_over_the_whole_tree),
        cmocka_unit_test(a_process_that_multiplies_is_stopped),
        cmocka_unit_test(a_flood_and_a_giant_line_pass_in_bounded_memory),
        cmocka_unit_test(closing_its_output_does_not_end_it_and_leaving_it_open_does_not_hold_us),
        cmocka_unit_test(a_file_may_not_outgrow_its_limit),
        cmocka_unit_test(a_program_may_be_held_to_some_cores),
        cmocka_unit_test(when_the_worker_is_killed_everything_dies),
        cmocka_unit_test(many_keepers_at_a_time_do_not_touch_each_other),
        cmocka_unit_test(scratch_is_refused_where_there_is_no_room),
    };
    return RUN_TESTS(tests);
}
