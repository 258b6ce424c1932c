/* The simulated machine: what the stand-ins for NVIDIA's libraries report.
 *
 * LAUNCHER_SIMULATED_GPUS lists the GPUs in CUDA's order, separated by ';', each as
 * "name|total bytes|free bytes|major.minor|multiprocessors". */
#ifndef LAUNCHER_MACHINE_H
#define LAUNCHER_MACHINE_H

#include <stdio.h>
#include <stdlib.h>

#define MAX_GPUS 16

struct gpu {
    char name[128];
    size_t total, free;
    int major, minor, multiprocessors;
};

/* Ends the process: these GPUs can be asked about, but hold no memory and run nothing. */
static _Noreturn void refuse(const char *why) {
    fprintf(stderr,
            "launcher: simulated GPU: %s\n"
            "launcher: simulated GPUs serve dry runs (llama fit-params) only: "
            "they hold no memory and run nothing\n", why);
    _Exit(86);
}

static struct gpu gpus[MAX_GPUS];
static int gpu_count;

__attribute__((constructor)) static void read_machine(void) {
    const char *at = getenv("LAUNCHER_SIMULATED_GPUS");
    if (at == NULL || *at == '\0')
        refuse("LAUNCHER_SIMULATED_GPUS is not set");
    while (*at != '\0') {
        if (gpu_count == MAX_GPUS)
            refuse("LAUNCHER_SIMULATED_GPUS lists more than 16 GPUs");
        struct gpu *gpu = &gpus[gpu_count++];
        int used = 0;
        sscanf(at, "%127[^|;]|%zu|%zu|%d.%d|%d%n", gpu->name, &gpu->total, &gpu->free,
               &gpu->major, &gpu->minor, &gpu->multiprocessors, &used);
        if (used == 0 || (at[used] != ';' && at[used] != '\0'))
            refuse("LAUNCHER_SIMULATED_GPUS: expected name|total|free|major.minor|multiprocessors;...");
        at += used + (at[used] == ';');
    }
}

#endif
