// Types of values as tables of them are written.
#pragma once

#define NUL OPENJD_T_NULL
#define BOO OPENJD_T_BOOL
#define INT OPENJD_T_INT
#define FLO OPENJD_T_FLOAT
#define STR OPENJD_T_STRING
#define PAT OPENJD_T_PATH
#define RNG OPENJD_T_RANGE
#define ANY OPENJD_T_ANY
#define LIST_ANY OPENJD_T_LISTS
#define LIST_OF(t) OPENJD_T_LIST(t)
#define EMPTY OPENJD_T_LIST(OPENJD_T_NULL)
