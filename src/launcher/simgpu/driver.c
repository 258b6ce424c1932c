/* Stands in for libcuda.so.1: answers questions about the simulated machine, refuses the rest. */
#include "machine.h"

enum { SUCCESS = 0, INVALID_DEVICE = 101 };
enum { VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED = 102 };

int cuDeviceGet(int *device, int ordinal) {
    *device = ordinal;
    return ordinal >= 0 && ordinal < gpu_count ? SUCCESS : INVALID_DEVICE;
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
    (void) device;
    *value = attribute == VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED;
    return SUCCESS;
}

int cuMemGetAllocationGranularity(size_t *granularity, const void *properties, int option) {
    (void) properties;
    (void) option;
    *granularity = 2u << 20;
    return SUCCESS;
}

int cuGetErrorString(int error, const char **text) {
    *text = error == SUCCESS ? "no error" : "error of a simulated GPU";
    return SUCCESS;
}

#define REFUSE(name) int name(void) { refuse(#name " was called"); }
REFUSE(cuMemAddressFree) REFUSE(cuMemAddressReserve) REFUSE(cuMemCreate) REFUSE(cuMemMap)
REFUSE(cuMemRelease) REFUSE(cuMemSetAccess) REFUSE(cuMemUnmap)
