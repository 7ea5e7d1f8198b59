#include "farm/desk.h"
#include "base/arena.h"
#include "base/log.h"
#include "farm/launch/ask.h"
#include "plat/files.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { DAY = 24 * 60, ASK_MS = 5000, WORDS_MOST = 16, INTERRUPT_BYTES = 1 << 20 };

struct desk {
    bool minutes[DESK_WEEK];
    int64_t idle_ms;
    char *command;
    int64_t interrupts;      // at the last look; -1: not looked at yet
    int64_t input_ms;        // when they had changed
    bool told;               // that the command fails
    char loginctl[PATH_MAX]; // "": there is none
};

// ---- hours

static bool day_named(text name, int *day)
{
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    for (int i = 0; i < 7; i++)
        if (name.size == 3 && strncasecmp(name.at, days[i], 3) == 0) {
            *day = i;
            return true;
        }
    return false;
}

static bool days_named(text said, int *first, int *last)
{
    bool range = said.size && memchr(said.at, '-', said.size);
    if (!day_named(text_trim(text_cut(&said, '-')), first))
        return false;
    *last = *first;
    return !range || day_named(text_trim(said), last);
}

static bool minute_named(text said, int *minute)
{
    int64_t hours, minutes;
    text one = text_cut(&said, ':');
    if (one.size > 2 || said.size != 2 || !text_int(one, &hours) || !text_int(said, &minutes) ||
        hours < 0 || minutes < 0 || minutes > 59 || hours * 60 + minutes > DAY)
        return false;
    *minute = (int)(hours * 60 + minutes);
    return true;
}

static bool times_named(text said, int *from, int *to)
{
    text one = text_trim(text_cut(&said, '-'));
    return minute_named(one, from) && minute_named(text_trim(said), to) && *from != *to;
}

static void set_minutes(bool minutes[DESK_WEEK], int day, int from, int to)
{
    int length = to > from ? to - from : DAY - from + to;
    for (int i = 0; i < length; i++)
        minutes[(day * DAY + from + i) % DESK_WEEK] = true;
}

bool desk_hours(text said, bool minutes[DESK_WEEK])
{
    memset(minutes, 0, DESK_WEEK * sizeof(*minutes));
    if (!text_trim(said).size)
        return false;
    while (said.size) {
        text one = text_trim(text_cut(&said, ','));
        int first = 0, last = 6, from = 0, to = DAY;
        if (one.size && isalpha((unsigned char)one.at[0])) {
            size_t size = 0;
            while (size < one.size && !isdigit((unsigned char)one.at[size]))
                size++;
            if (!days_named(text_trim((text){one.at, size}), &first, &last))
                return false;
            one = text_trim((text){one.at + size, one.size - size});
            if (!one.size) // the whole day
                one = text_of("00:00-24:00");
        }
        if (!times_named(one, &from, &to))
            return false;
        for (int day = first;; day = (day + 1) % 7) {
            set_minutes(minutes, day, from, to);
            if (day == last)
                break;
        }
    }
    return true;
}

static bool its_hour(const struct desk *d, int64_t now_ms)
{
    time_t now = (time_t)(now_ms / 1000);
    struct tm local;
    localtime_r(&now, &local);
    int day = (local.tm_wday + 6) % 7;
    return d->minutes[day * DAY + local.tm_hour * 60 + local.tm_min];
}

// ---- reading what others say

int64_t desk_interrupts(text said)
{
    static const char *const words[] = {"i8042", "kbd", "keyboard", "mouse"};
    int64_t sum = 0;
    while (said.size) {
        text line = text_cut(&said, '\n');
        bool input = false;
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            input |= line.size && memmem(line.at, line.size, words[i], strlen(words[i])) != NULL;
        if (!input)
            continue;
        text_cut(&line, ':');
        while (line.size) { // a count for each core, then words
            line = text_trim(line);
            text one = text_cut(&line, ' ');
            int64_t count;
            if (!text_int(one, &count) || count < 0 || __builtin_add_overflow(sum, count, &sum))
                break;
        }
    }
    return sum;
}

int64_t desk_idle_ms(text said)
{
    text line = text_trim(text_cut(&said, '\n'));
    size_t digits = 0;
    int64_t number;
    while (digits < line.size && isdigit((unsigned char)line.at[digits]))
        digits++;
    text unit = text_trim((text){line.at + digits, line.size - digits});
    if (!text_int((text){line.at, digits}, &number) || number < 0 || number > INT64_MAX / 1000)
        return -1;
    return text_is(unit, "ms")                       ? number
           : text_is(unit, "s") || text_is(unit, "") ? number * 1000
                                                     : -1;
}

int64_t desk_idle_since_us(text said)
{
    bool active = false, idle = false;
    int64_t since = 0;
    while (said.size) {
        text line = text_trim(text_cut(&said, '\n'));
        text name = text_cut(&line, '=');
        if (text_is(name, "ActiveSession"))
            active = text_trim(line).size > 0;
        else if (text_is(name, "IdleHint"))
            idle = text_is(text_trim(line), "yes");
        else if (text_is(name, "IdleSinceHint") && !text_int(text_trim(line), &since))
            since = 0;
    }
    return !active ? INT64_MAX : !idle ? 0 : since > 0 ? since : INT64_MAX;
}

// ---- asking them; each: how long ago there was input, INT64_MAX: not known

static int64_t of_command(struct desk *d)
{
    const char *words[WORDS_MOST + 1];
    char path[PATH_MAX];
    struct arena *a = arena_open(64 << 10);
    struct buf said = BUF_LIMIT(4096);
    struct error err;
    size_t count = 0;
    int status = 0;
    for (text rest = text_of(d->command); rest.size && count < WORDS_MOST;) {
        text one = text_cut(&rest, ' ');
        if (one.size)
            words[count++] = arena_copy(a, one.at, one.size);
    }
    words[count] = NULL;
    bool ok = count && program_find(words[0], "set worker.idle_command to a program that is there",
                                    path, sizeof(path), &err);
    bool asked = false;
    if (ok) {
        words[0] = path;
        struct program_wish wish = {
            .arguments = words, .timeout_ms = ASK_MS, .doing = "asking whether the user is back"};
        ok = program_ask(&wish, &said, &status, &err);
        asked = ok || status > 0;
    }
    if (!asked && !d->told)
        log_problem("desk.ask", &err);
    d->told = !asked;
    int64_t idle = ok ? desk_idle_ms((text){said.at ? said.at : "", said.size}) : 0;
    if (ok && !said.size)
        idle = INT64_MAX; // its status says it
    buf_free(&said);
    arena_close(a);
    return idle < 0 ? 0 : idle; // who can not be understood may mean a user
}

static int64_t of_terminals(int64_t now_ms)
{
    static const char *const folders[] = {"/dev", "/dev/pts"};
    int64_t newest = 0;
    for (int i = 0; i < 2; i++) {
        DIR *all = opendir(folders[i]);
        for (struct dirent *e; all && (e = readdir(all));) {
            char path[300];
            struct stat seen;
            bool terminal =
                i ? isdigit((unsigned char)e->d_name[0])
                  : strncmp(e->d_name, "tty", 3) == 0 && isdigit((unsigned char)e->d_name[3]);
            if (!terminal)
                continue;
            snprintf(path, sizeof(path), "%s/%s", folders[i], e->d_name);
            if (stat(path, &seen) == 0 && S_ISCHR(seen.st_mode) &&
                (int64_t)seen.st_atim.tv_sec * 1000 > newest)
                newest = (int64_t)seen.st_atim.tv_sec * 1000;
        }
        if (all)
            closedir(all);
    }
    return !newest ? INT64_MAX : now_ms > newest ? now_ms - newest : 0;
}

static int64_t of_interrupts(struct desk *d, int64_t now_ms)
{
    struct buf said = BUF_LIMIT(INTERRUPT_BYTES);
    struct error none;
    if (file_read("/proc/interrupts", &said, &none)) {
        int64_t sum = desk_interrupts((text){said.at ? said.at : "", said.size});
        if (d->interrupts >= 0 && sum != d->interrupts)
            d->input_ms = now_ms;
        d->interrupts = sum;
    }
    buf_free(&said);
    return d->input_ms ? now_ms - d->input_ms : INT64_MAX;
}

static int64_t of_logind(const struct desk *d, int64_t now_ms)
{
    const char *const words[] = {d->loginctl,
                                 "show-seat",
                                 "seat0",
                                 "--property=ActiveSession",
                                 "--property=IdleHint",
                                 "--property=IdleSinceHint",
                                 NULL};
    struct buf said = BUF_LIMIT(4096);
    struct error none;
    int64_t idle = INT64_MAX;
    struct program_wish wish = {
        .arguments = words, .timeout_ms = ASK_MS, .doing = "asking logind for its seat"};
    if (d->loginctl[0] && program_ask(&wish, &said, NULL, &none)) {
        int64_t since = desk_idle_since_us((text){said.at ? said.at : "", said.size});
        idle = since == INT64_MAX ? INT64_MAX : !since ? 0 : now_ms - since / 1000;
    }
    buf_free(&said);
    return idle < 0 ? 0 : idle;
}

// ---- the whole

bool desk_open(const struct desk_wish *wish, struct desk **desk, struct error *err)
{
    struct desk *d = calloc(1, sizeof(*d));
    struct error none;
    if (!d)
        abort();
    d->idle_ms = wish->idle_ms;
    d->interrupts = -1;
    d->command = strdup(wish->command);
    if (!d->command)
        abort();
    if (!program_find("loginctl", "", d->loginctl, sizeof(d->loginctl), &none))
        d->loginctl[0] = 0;
    bool ok = true;
    if (wish->hours[0])
        ok = desk_hours(text_of(wish->hours), d->minutes);
    else
        memset(d->minutes, 1, sizeof(d->minutes));
    if (ok) {
        *desk = d;
        return true;
    }
    desk_close(d);
    error_set(err, ERROR_USAGE, "worker.hours can not be '%s'", wish->hours);
    return error_fix(err, "say when it may work: '19:00-08:00, Sat, Sun' or 'Mon-Fri 20:00-07:00'");
}

void desk_close(struct desk *d)
{
    if (!d)
        return;
    free(d->command);
    free(d);
}

enum desk_state desk_look(struct desk *d, int64_t now_ms)
{
    if (!its_hour(d, now_ms))
        return DESK_HOURS;
    int64_t idle;
    if (d->command[0]) {
        idle = of_command(d);
    } else {
        int64_t others[] = {of_terminals(now_ms), of_interrupts(d, now_ms), of_logind(d, now_ms)};
        idle = others[0];
        for (int i = 1; i < 3; i++)
            idle = others[i] < idle ? others[i] : idle;
    }
    return idle < d->idle_ms ? DESK_USER : DESK_FREE;
}
