// cmd/place: the command place, and what put does with --in-place.
#pragma once
#include "cmd/command.h"

extern const struct command command_place;
int put_in_place(struct command_call *call);
