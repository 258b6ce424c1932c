/* Stands in for libcublas: a dry run computes nothing, so every call is refused. */
#include "machine.h"

#define REFUSE(name) int name(void) { refuse(#name " was called"); }
REFUSE(cublasCreate_v2) REFUSE(cublasDestroy_v2) REFUSE(cublasGemmBatchedEx) REFUSE(cublasGemmEx)
REFUSE(cublasGemmStridedBatchedEx) REFUSE(cublasSetMathMode) REFUSE(cublasSetStream_v2)
REFUSE(cublasSetWorkspace_v2) REFUSE(cublasSgemmBatched) REFUSE(cublasSgemmStridedBatched)
REFUSE(cublasSgemm_v2) REFUSE(cublasStrsmBatched) REFUSE(cublasGetStatusString)
