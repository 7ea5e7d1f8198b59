// posthouse man: the manual pages, made from the table of subcommands.
#include "cmd/command.h"

#include <stdio.h>
#include <string.h>

// Text as roff: a line that begins with . or ' and every - and \ are escaped.
static void roff(const char *at)
{
    for (bool start = true; *at; at++) {
        if (start && (*at == '.' || *at == '\''))
            printf("\\&");
        if (*at == '\\')
            printf("\\e");
        else if (*at == '-')
            printf("\\-");
        else
            putchar(*at);
        start = *at == '\n';
    }
}

static void page(const struct command *c)
{
    printf(".TH POSTHOUSE-%s 1 \"\" \"Posthouse %s\" \"Posthouse\"\n.SH NAME\nposthouse\\-%s \\- ",
           c->name, POSTHOUSE_VERSION, c->name);
    roff(c->summary);
    printf("\n.SH SYNOPSIS\n.B posthouse %s\n", c->name);
    roff(c->words);
    printf("%s\n.SH DESCRIPTION\n", c->options[0].name ? " [options]" : "");
    roff(c->about);
    printf("\n");
    if (c->options[0].name)
        printf(".SH OPTIONS\n");
    for (const struct option_row *o = c->options; o->name; o++) {
        printf(o->type == OPTION_MAYBE ? ".TP\n.B \\-\\-%s[=%s%s]\n" : ".TP\n.B \\-\\-%s%s%s\n",
               o->name, o->value && o->type != OPTION_MAYBE ? " " : "", o->value ? o->value : "");
        roff(o->help);
        printf("\n");
    }
    printf(".SH EXIT STATUS\n0 done, 1 the answer is no, 2 used wrongly, 3 could not be done.\n");
}

static int run(struct command_call *call)
{
    for (size_t i = 0; i < command_count; i++)
        if (call->word_count == 0 ? commands[i] == call->command
                                  : strcmp(commands[i]->name, call->words[0]) == 0) {
            page(commands[i]);
            return 0;
        }
    struct error err;
    error_set(&err, ERROR_USAGE, "there is no command %s", call->words[0]);
    error_fix(&err, "`posthouse help` lists all");
    return command_failed(&err);
}

static const struct option_row options[] = {{0}};
const struct command command_man = {
    "man",
    "[COMMAND]",
    "print the manual page of a command",
    "Prints the page in roff, as man reads it: posthouse man probe | man -l -",
    options,
    0,
    1,
    run,
};
