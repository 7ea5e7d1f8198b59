// What every cmocka test includes first, in the order that cmocka wants.
#pragma once
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Runs the group; a first argument filters by name.
#define RUN_TESTS(tests)                                                                           \
    (argc > 1 ? cmocka_set_test_filter(argv[1]) : (void)0, cmocka_run_group_tests(tests, NULL, NULL))
