// Plays a renderer that can not run here: prints a log as the product would (what has "rror" in it
// on standard error, the rest on standard output, in pieces), writes a half picture when asked, and
// ends, dies or freezes as told by FAKE_...
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *told(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

static void say(const char *at, size_t size)
{
    int to = memmem(at, size, "rror", 4) ? 2 : 1;
    size_t half = size / 2;
    if (write(to, at, half) < 0 || write(to, at + half, size - half) < 0)
        _exit(99);
}

int main(void)
{
    char log[65536];
    FILE *f = fopen(told("FAKE_LOG"), "rb");
    size_t size = f ? fread(log, 1, sizeof(log), f) : 0;
    for (size_t at = 0; at < size;) {
        size_t end = at;
        while (end < size && log[end] != '\n' && log[end] != '\r')
            end++;
        end += end < size;
        say(log + at, end - at);
        at = end;
    }
    if (told("FAKE_FREEZE")[0])
        for (;;)
            pause();
    if (told("FAKE_SIGNAL")[0])
        raise(atoi(told("FAKE_SIGNAL")));
    return atoi(told("FAKE_EXIT"));
}
