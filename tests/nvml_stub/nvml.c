/* A stand-in for libnvidia-ml.so.1: answers from the scenario in the file that $NVML_SCENARIO names.
 *
 * Each line is a word and its value. `gpu` begins a GPU, in the order of the PCI bus. `error FUNCTION
 * CODE` makes a function fail: every call before the first `gpu`, after that those for this GPU.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, INSUFFICIENT_SIZE = 7, TEXT = 96, MANY = 16, CROWD = 512 };

typedef struct { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; } process_info;
typedef struct { char function[TEXT]; int code; } failure;
typedef struct { process_info list[CROWD]; unsigned count; } crowd;
typedef struct {
    char name[TEXT], uuid[TEXT], bus_id[32];
    unsigned long long total, reserved, free;
    int major, minor;
    unsigned cores, clock_mhz, bus_bits, display_active, display_mode, failures;
    crowd compute, graphics;
    failure failing[MANY];
} gpu;
typedef struct { char legacy[16]; unsigned domain, bus, device, device_id, subsystem_id; char bus_id[32]; } pci_info;
typedef struct { unsigned long long total, free, used; } memory_v1;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } memory_v2;

static gpu gpus[MANY], everywhere;
static unsigned gpu_count;
static char driver[TEXT];
static int cuda;

static void read_gpu_line(gpu *g, const char *line) {
    process_info p = {0};
    failure f;
    if (sscanf(line, "error %95s %d", f.function, &f.code) == 2) g->failing[g->failures++] = f;
    sscanf(line, "name %95[^\n]", g->name);
    sscanf(line, "uuid %95s", g->uuid);
    sscanf(line, "bus_id %31s", g->bus_id);
    sscanf(line, "memory %llu %llu %llu", &g->total, &g->reserved, &g->free);
    sscanf(line, "capability %d.%d", &g->major, &g->minor);
    sscanf(line, "cores %u", &g->cores);
    sscanf(line, "clock %u %u", &g->clock_mhz, &g->bus_bits);
    sscanf(line, "display %u %u", &g->display_active, &g->display_mode);
    if (sscanf(line, "compute %u %llu", &p.pid, &p.used) == 2) g->compute.list[g->compute.count++] = p;
    if (sscanf(line, "graphics %u %llu", &p.pid, &p.used) == 2) g->graphics.list[g->graphics.count++] = p;
}

static void read_scenario(void) {
    const char *path = getenv("NVML_SCENARIO");
    FILE *file = path ? fopen(path, "r") : NULL;
    char line[256];
    if (!file) abort();
    while (fgets(line, sizeof line, file)) {
        sscanf(line, "driver %95s", driver);
        sscanf(line, "cuda %d", &cuda);
        if (strcmp(line, "gpu\n") == 0) gpu_count++;
        else read_gpu_line(gpu_count ? &gpus[gpu_count - 1] : &everywhere, line);
    }
    fclose(file);
}

static int code_in(const gpu *g, const char *function) {
    for (unsigned i = 0; i < g->failures; i++)
        if (strcmp(g->failing[i].function, function) == 0) return g->failing[i].code;
    return SUCCESS;
}

static int check(const gpu *g, const char *function) {
    int code = code_in(&everywhere, function);
    return code || !g ? code : code_in(g, function);
}

#define CHECK(g) do { int code = check((g), __func__); if (code) return code; } while (0)

int nvmlInitWithFlags(unsigned flags) { (void)flags; read_scenario(); CHECK(NULL); return SUCCESS; }
int nvmlShutdown(void) { CHECK(NULL); return SUCCESS; }

const char *nvmlErrorString(int code) {
    static char words[TEXT];
    snprintf(words, sizeof words, "stand-in error %d", code);
    return words;
}

int nvmlSystemGetDriverVersion(char *version, unsigned length) {
    CHECK(NULL);
    snprintf(version, length, "%s", driver);
    return SUCCESS;
}

int nvmlSystemGetCudaDriverVersion_v2(int *version) { CHECK(NULL); *version = cuda; return SUCCESS; }

int nvmlSystemGetProcessName(unsigned pid, char *name, unsigned length) {
    CHECK(NULL);
    snprintf(name, length, "/opt/bin/process-%u", pid);
    return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned *count) { CHECK(NULL); *count = gpu_count; return SUCCESS; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, gpu **handle) {
    if (index >= gpu_count) return INVALID_ARGUMENT;
    CHECK(&gpus[index]);
    *handle = &gpus[index];
    return SUCCESS;
}

int nvmlDeviceGetName(gpu *g, char *name, unsigned length) {
    CHECK(g);
    snprintf(name, length, "%s", g->name);
    return SUCCESS;
}

int nvmlDeviceGetUUID(gpu *g, char *uuid, unsigned length) {
    CHECK(g);
    snprintf(uuid, length, "%s", g->uuid);
    return SUCCESS;
}

int nvmlDeviceGetPciInfo_v3(gpu *g, pci_info *info) {
    CHECK(g);
    memset(info, 0, sizeof *info);
    strcpy(info->bus_id, g->bus_id);
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(gpu *g, memory_v1 *memory) {
    CHECK(g);
    *memory = (memory_v1){g->total, g->free, g->total - g->free};
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo_v2(gpu *g, memory_v2 *memory) {
    CHECK(g);
    *memory = (memory_v2){memory->version, g->total, g->reserved, g->free, g->total - g->reserved - g->free};
    return SUCCESS;
}

int nvmlDeviceGetCudaComputeCapability(gpu *g, int *major, int *minor) {
    CHECK(g);
    *major = g->major;
    *minor = g->minor;
    return SUCCESS;
}

int nvmlDeviceGetNumGpuCores(gpu *g, unsigned *cores) { CHECK(g); *cores = g->cores; return SUCCESS; }
int nvmlDeviceGetMemoryBusWidth(gpu *g, unsigned *bits) { CHECK(g); *bits = g->bus_bits; return SUCCESS; }
int nvmlDeviceGetDisplayActive(gpu *g, unsigned *on) { CHECK(g); *on = g->display_active; return SUCCESS; }
int nvmlDeviceGetDisplayMode(gpu *g, unsigned *on) { CHECK(g); *on = g->display_mode; return SUCCESS; }

int nvmlDeviceGetMaxClockInfo(gpu *g, int kind, unsigned *mhz) {
    enum { CLOCK_MEM = 2 };
    CHECK(g);
    if (kind != CLOCK_MEM) return INVALID_ARGUMENT;
    *mhz = g->clock_mhz;
    return SUCCESS;
}

static int give(const crowd *from, unsigned *count, process_info *to) {
    unsigned room = *count;
    *count = from->count;
    if (from->count > room) return INSUFFICIENT_SIZE;
    if (to) memcpy(to, from->list, from->count * sizeof *to);
    return SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(gpu *g, unsigned *count, process_info *to) {
    CHECK(g);
    return give(&g->compute, count, to);
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(gpu *g, unsigned *count, process_info *to) {
    CHECK(g);
    return give(&g->graphics, count, to);
}
