/*
 * farm/gpus: which GPUs this machine has, and which of them an attempt may use.
 *
 * They are asked of whoever knows: nvidia-smi, else what the kernel's drivers show below /proc and
 * /sys. What a person says (the setting worker.gpus) counts more: "" as found, "0" none, "2", "2 x
 * 24 GiB", or one by one: "24 GiB, 12 GiB". A GPU is named by its place in the list, from 0, which
 * is what CUDA_VISIBLE_DEVICES takes.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

#include <stdint.h>

enum { GPUS_MOST = 64 };
struct gpus {
    int count;
    int64_t memory_mib[GPUS_MOST]; // 0: not known
};

// USAGE when what is said can not be read.
MUST_CHECK bool gpus_find(const char *said, struct gpus *gpus, struct error *err);
int64_t gpus_least_mib(const struct gpus *gpus); // memory of the smallest

// "0,2" of bits 0 and 2; "" of none.
struct gpus_text {
    char text[200];
} gpus_text(uint64_t bits);

// Parts of it, apart for tests and fuzzing. What was said as above; lines "index, MiB" of
// nvidia-smi --query-gpu=index,memory.total --format=csv,noheader,nounits. False: not readable.
bool gpus_said(text said, struct gpus *gpus);
bool gpus_smi(text said, struct gpus *gpus);
// By the files of the drivers below `root` ("" on a machine): root/proc/driver/nvidia/gpus/*, and
// AMD's root/sys/class/drm/card*/device/mem_info_vram_total.
void gpus_of_drivers(const char *root, struct gpus *gpus);
