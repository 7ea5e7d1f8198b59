// cmd/put_captions: `posthouse put FILE... --captions-of FILM[:LANG[:ROLE]]`.
#pragma once
#include "cmd/command.h"

int put_captions(struct command_call *call); // the exit status
