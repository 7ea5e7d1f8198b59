// Limits of bytes a second: a made-up clock, so that nothing depends on the machine.
#include "test.h"

#include "wire/traffic.h"

static int64_t now_us;
static int64_t clock_made(void)
{
    return now_us;
}

static struct traffic *opened(void)
{
    struct traffic *t = traffic_open();
    now_us = 1000000000;
    traffic_clock(t, clock_made);
    return t;
}

static struct stream *joined(struct traffic *t, const char *key, int priority)
{
    return traffic_join(t, &(struct stream_wish){.key = key,
                                                 .kind = "download",
                                                 .way = TRAFFIC_OUT,
                                                 .buckets = {"line", "project p", key},
                                                 .title = key,
                                                 .total_bytes = -1,
                                                 .priority = priority});
}

// Streams that want all they can get, for so many seconds, asking every millisecond.
static void run(struct stream **list, size_t count, int seconds, int64_t *moved)
{
    memset(moved, 0, count * sizeof(*moved));
    for (int ms = 0; ms < seconds * 1000; ms++) {
        now_us += 1000;
        for (size_t i = 0; i < count; i++) {
            int wait;
            size_t who = (i + (size_t)ms) % count;
            moved[who] += (int64_t)stream_take(list[who], 1 << 20, &wait);
        }
    }
}

static void near(int64_t seen, int64_t wanted, int64_t by)
{
    if (seen < wanted - by || seen > wanted + by)
        fail_msg("%lld is not near %lld", (long long)seen, (long long)wanted);
}

static void a_cap_is_kept_and_changes_while_it_runs(void **state)
{
    (void)state;
    struct traffic *t = opened();
    struct stream *s[] = {joined(t, "a", 50)};
    int64_t moved;
    int wait;
    assert_int_equal(stream_take(s[0], 1 << 20, &wait), 1 << 20); // no cap: all of it
    traffic_cap(t, "line", TRAFFIC_OUT, 1000000);
    run(s, 1, 10, &moved);
    near(moved, 10000000, 300000);
    assert_int_equal(traffic_counted(t, "line", TRAFFIC_OUT), moved);
    assert_int_equal(traffic_counted(t, "line", TRAFFIC_IN), 0);
    assert_int_equal(traffic_counted(t, "a", TRAFFIC_OUT), 0); // it has no cap
    stream_give_back(s[0], 1000);
    assert_int_equal(traffic_counted(t, "line", TRAFFIC_OUT), moved - 1000);
    traffic_cap(t, "line", TRAFFIC_OUT, 8000000);
    run(s, 1, 10, &moved);
    near(moved, 80000000, 2000000);
    traffic_cap(t, "line", TRAFFIC_OUT, 0);
    assert_int_equal(stream_take(s[0], 5 << 20, &wait), 5 << 20);
    stream_leave(s[0]);
    traffic_close(t);
}

static void what_was_said_of_a_stream_holds_when_it_is_new_again(void **state)
{
    (void)state;
    struct arena *a = arena_open(1 << 20);
    struct traffic *t = opened();
    struct stream_seen *list;
    size_t count;
    int wait;
    traffic_recall(t, "a", 90, false);
    traffic_recall(t, "b", 50, true);
    traffic_recall(t, "c", 10, true);
    traffic_recall(t, "c", 50, false); // the usual: nothing is kept
    struct stream *s[] = {joined(t, "a", 50), joined(t, "b", 50), joined(t, "c", 50)};
    traffic_list(t, a, &list, &count);
    assert_int_equal(count, 3);
    assert_string_equal(list[2].key, "a");
    assert_int_equal(list[2].priority, 90);
    assert_true(list[1].paused && !list[2].paused && !list[0].paused);
    assert_int_equal(list[0].priority, 50);
    assert_int_equal(stream_take(s[1], 1000, &wait), 0);
    assert_int_equal(stream_take(s[2], 1000, &wait), 1000);
    for (int i = 0; i < 3; i++)
        stream_leave(s[i]);
    // A stream that was forgotten comes back as it was said.
    now_us += 700 * 1000000LL;
    traffic_rested(t, 1000, a, &list, &count);
    traffic_list(t, a, &list, &count);
    assert_int_equal(count, 1); // the paused one stays
    s[0] = joined(t, "a", 50);
    traffic_list(t, a, &list, &count);
    assert_int_equal(list[0].priority, 90);
    stream_leave(s[0]);
    traffic_close(t);
    arena_close(a);
}

static void the_narrowest_of_its_buckets_holds(void **state)
{
    (void)state;
    struct traffic *t = opened();
    struct stream *s[] = {joined(t, "a", 50), joined(t, "b", 50)};
    int64_t moved[2];
    traffic_cap(t, "line", TRAFFIC_OUT, 10000000);
    traffic_cap(t, "a", TRAFFIC_OUT, 1000000);
    run(s, 2, 10, moved);
    near(moved[0], 10000000, 500000);
    near(moved[0] + moved[1], 100000000, 3000000); // the other has the rest
    traffic_cap(t, "line", TRAFFIC_IN, 1);         // the other way is another matter
    run(s, 2, 10, moved);
    near(moved[0] + moved[1], 100000000, 3000000);
    stream_leave(s[0]);
    stream_leave(s[1]);
    traffic_close(t);
}

static void equals_share_and_the_higher_goes_first(void **state)
{
    (void)state;
    struct traffic *t = opened();
    struct stream *s[] = {joined(t, "a", 50), joined(t, "b", 50)};
    struct arena *a = arena_open(1 << 20);
    struct stream_seen *list;
    size_t count;
    int64_t moved[2];
    traffic_cap(t, "line", TRAFFIC_OUT, 10000000);
    run(s, 2, 10, moved);
    near(moved[0], moved[1], 5000000);
    traffic_list(t, a, &list, &count);
    assert_int_equal(count, 2);
    assert_string_equal(list[0].key, "b"); // newest first
    assert_true(traffic_change(t, list[0].id, 80, -1));
    run(s, 2, 10, moved);
    assert_true(moved[1] > 80000000);
    assert_true(moved[0] > 0); // never nothing at all
    near(moved[0] + moved[1], 100000000, 3000000);
    // One that goes first and is slow by itself leaves the rest.
    traffic_cap(t, "b", TRAFFIC_OUT, 1000000);
    run(s, 2, 10, moved);
    near(moved[1], 10000000, 1000000);
    assert_true(moved[0] > 60000000);
    assert_false(traffic_change(t, "nobody", 1, 1));
    stream_leave(s[0]);
    stream_leave(s[1]);
    arena_close(a);
    traffic_close(t);
}

static void paused_ones_rest_and_cut_ones_stop(void **state)
{
    (void)state;
    struct traffic *t = opened();
    struct stream *s = joined(t, "a", 50), *other = joined(t, "b", 50);
    struct arena *a = arena_open(1 << 20);
    struct stream_seen *list;
    size_t count;
    int wait;
    traffic_list(t, a, &list, &count);
    assert_true(traffic_change(t, list[1].id, -1, 1));
    assert_int_equal(stream_take(s, 100, &wait), 0);
    assert_true(wait > 0);
    assert_true(traffic_change(t, list[1].id, -1, 0));
    assert_int_equal(stream_take(s, 100, &wait), 100);
    stream_give_back(s, 40);
    traffic_cut(t, "a");
    assert_int_equal(stream_take(s, 100, &wait), 0);
    assert_true(wait < 0);
    assert_int_equal(stream_take(other, 100, &wait), 100);
    traffic_list(t, a, &list, &count);
    assert_int_equal(count, 1);
    stream_leave(s);
    stream_leave(other);
    arena_close(a);
    traffic_close(t);
}

static void the_history_gets_each_rest_once(void **state)
{
    (void)state;
    struct traffic *t = opened();
    struct arena *a = arena_open(1 << 20);
    struct stream_seen *list;
    size_t count;
    int wait;
    int64_t line[10];
    struct stream *s = joined(t, "a", 50);
    assert_int_equal(stream_take(s, 5000, &wait), 5000);
    now_us += 10 * 1000000;
    traffic_rested(t, 5000, a, &list, &count);
    assert_int_equal(count, 0); // a connection is open
    stream_leave(s);
    traffic_rested(t, 5000, a, &list, &count);
    assert_int_equal(count, 1);
    assert_int_equal(list[0].moved_bytes, 5000);
    assert_int_equal(list[0].joined, 1);
    traffic_rested(t, 5000, a, &list, &count);
    assert_int_equal(count, 0);
    s = joined(t, "a", 50); // the same transfer goes on
    assert_int_equal(stream_take(s, 1000, &wait), 1000);
    stream_leave(s);
    now_us += 2 * 1000000;
    traffic_line(t, TRAFFIC_OUT, line, 10);
    assert_int_equal(line[8], 1000);
    assert_int_equal(line[9], 0);
    now_us += 700LL * 1000000;
    traffic_rested(t, 5000, a, &list, &count);
    assert_int_equal(count, 1);
    assert_int_equal(list[0].moved_bytes, 6000);
    assert_int_equal(list[0].joined, 2);
    traffic_list(t, a, &list, &count);
    assert_int_equal(count, 0); // forgotten
    arena_close(a);
    traffic_close(t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cap_is_kept_and_changes_while_it_runs),
        cmocka_unit_test(what_was_said_of_a_stream_holds_when_it_is_new_again),
        cmocka_unit_test(the_narrowest_of_its_buckets_holds),
        cmocka_unit_test(equals_share_and_the_higher_goes_first),
        cmocka_unit_test(paused_ones_rest_and_cut_ones_stop),
        cmocka_unit_test(the_history_gets_each_rest_once),
    };
    return RUN_TESTS(tests);
}
