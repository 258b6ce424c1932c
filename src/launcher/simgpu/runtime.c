/* Stands in for libcudart.so.12 and .13: device queries, pinned host memory, and streams and
 * events that do nothing. Device memory is an address range without memory behind it (the engine
 * allocates recurrent states even in a dry run); data transfers and kernels are refused. */
#include "machine.h"

#include <string.h>
#include <sys/mman.h>

enum { SUCCESS = 0, OUT_OF_MEMORY = 2, INVALID_DEVICE = 101 };
enum { ATTRIBUTE_COOPERATIVE_LAUNCH = 95 };

/* Where cudaDeviceProp keeps the fields that ggml reads; CUDA 13 dropped some before them. */
enum { TOTAL = 288, SHARED_PER_BLOCK = 296, WARP_SIZE = 308, MAJOR = 360, MINOR = 364 };
struct layout { size_t size, multiprocessors, pci_bus, shared_optin; };
static const struct layout cuda12 = {1032, 388, 584, 696}, cuda13 = {1008, 384, 568, 672};

static _Thread_local int current;
static int handle;

/* Shared memory that a block may ask for, by compute capability (CUDA C programming guide). */
static size_t shared_optin(const struct gpu *gpu) {
    switch (gpu->major * 10 + gpu->minor) {
    case 75: return 64 << 10;
    case 80: case 87: return 163 << 10;
    case 90: case 100: case 101: case 103: case 110: return 227 << 10;
    default: return gpu->major < 7 ? 48 << 10 : gpu->major == 7 ? 96 << 10 : 99 << 10;
    }
}

static void put(char *properties, size_t offset, int value) {
    memcpy(properties + offset, &value, sizeof value);
}

static void put_size(char *properties, size_t offset, size_t value) {
    memcpy(properties + offset, &value, sizeof value);
}

static int properties_of(char *properties, int device, struct layout layout) {
    if (device < 0 || device >= gpu_count)
        return INVALID_DEVICE;
    const struct gpu *gpu = &gpus[device];
    memset(properties, 0, layout.size);
    strcpy(properties, gpu->name);
    put_size(properties, TOTAL, gpu->total);
    put_size(properties, SHARED_PER_BLOCK, 48 << 10);
    put(properties, WARP_SIZE, 32);
    put(properties, MAJOR, gpu->major);
    put(properties, MINOR, gpu->minor);
    put(properties, layout.multiprocessors, gpu->multiprocessors);
    put(properties, layout.pci_bus, device + 1);
    put_size(properties, layout.shared_optin, shared_optin(gpu));
    return SUCCESS;
}

int cudaGetDeviceProperties_v2(char *properties, int device) { return properties_of(properties, device, cuda12); }
int cudaGetDeviceProperties(char *properties, int device) { return properties_of(properties, device, cuda13); }

int cudaGetDeviceCount(int *count) { *count = gpu_count; return SUCCESS; }
int cudaGetDevice(int *device) { *device = current; return SUCCESS; }

int cudaSetDevice(int device) {
    if (device < 0 || device >= gpu_count)
        return INVALID_DEVICE;
    current = device;
    return SUCCESS;
}

int cudaDeviceGetAttribute(int *value, int attribute, int device) {
    (void) device;
    *value = attribute == ATTRIBUTE_COOPERATIVE_LAUNCH;
    return SUCCESS;
}

int cudaDeviceGetPCIBusId(char *text, int length, int device) {
    snprintf(text, length, "0000:%02x:00.0", device + 1);
    return SUCCESS;
}

int cudaDeviceCanAccessPeer(int *can, int device, int peer) {
    (void) device;
    (void) peer;
    *can = 0;
    return SUCCESS;
}

int cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes) {
    *free_bytes = gpus[current].free;
    *total_bytes = gpus[current].total;
    return SUCCESS;
}

int cudaMallocHost(void **memory, size_t size) {
    *memory = aligned_alloc(256, (size + 255) / 256 * 256);
    return *memory != NULL ? SUCCESS : OUT_OF_MEMORY;
}

int cudaMalloc(void **memory, size_t size) {
    *memory = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return *memory != MAP_FAILED ? SUCCESS : OUT_OF_MEMORY;
}

int cudaFreeHost(void *memory) { free(memory); return SUCCESS; }

static int dummy_handle(void **made) { *made = &handle; return SUCCESS; }
int cudaStreamCreateWithFlags(void **stream) { return dummy_handle(stream); }
int cudaEventCreateWithFlags(void **event) { return dummy_handle(event); }
void *__cudaRegisterFatBinary(void) { return &handle; }

const char *cudaGetErrorString(int error) { return error == SUCCESS ? "no error" : "error of a simulated GPU"; }

#define NOTHING(name) int name(void) { return SUCCESS; }
NOTHING(__cudaRegisterFatBinaryEnd) NOTHING(__cudaRegisterFunction) NOTHING(__cudaRegisterVar)
NOTHING(__cudaUnregisterFatBinary) NOTHING(cudaDeviceSynchronize) NOTHING(cudaEventDestroy)
NOTHING(cudaEventRecord) NOTHING(cudaFree) NOTHING(cudaEventSynchronize) NOTHING(cudaGetLastError)
NOTHING(cudaMemset) NOTHING(cudaMemsetAsync) NOTHING(cudaPeekAtLastError) NOTHING(cudaSetDeviceFlags) NOTHING(cudaStreamDestroy)
NOTHING(cudaStreamSynchronize) NOTHING(cudaStreamWaitEvent)

#define REFUSE(name) int name(void) { refuse(#name " was called"); }
REFUSE(__cudaGetKernel) REFUSE(__cudaLaunchKernel) REFUSE(__cudaPopCallConfiguration)
REFUSE(__cudaPushCallConfiguration) REFUSE(cudaDeviceEnablePeerAccess) REFUSE(cudaDeviceDisablePeerAccess)
REFUSE(cudaFuncGetAttributes) REFUSE(cudaFuncSetAttribute) REFUSE(cudaGetKernel)
REFUSE(cudaGraphDestroy) REFUSE(cudaGraphExecDestroy) REFUSE(cudaGraphExecUpdate)
REFUSE(cudaGraphInstantiate) REFUSE(cudaGraphInstantiateWithFlags) REFUSE(cudaGraphLaunch)
REFUSE(cudaHostAlloc) REFUSE(cudaHostGetDevicePointer) REFUSE(cudaHostRegister)
REFUSE(cudaHostUnregister) REFUSE(cudaLaunchCooperativeKernel) REFUSE(cudaLaunchHostFunc)
REFUSE(cudaLaunchKernel) REFUSE(cudaLaunchKernelExC) REFUSE(cudaMallocManaged)
REFUSE(cudaMemcpy) REFUSE(cudaMemcpy2DAsync) REFUSE(cudaMemcpy3DPeerAsync) REFUSE(cudaMemcpyAsync) REFUSE(cudaMemcpyPeerAsync)
REFUSE(cudaOccupancyMaxActiveBlocksPerMultiprocessor)
REFUSE(cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags) REFUSE(cudaStreamBeginCapture)
REFUSE(cudaStreamEndCapture) REFUSE(cudaStreamIsCapturing)
