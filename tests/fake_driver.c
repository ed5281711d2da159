/* A CUDA driver without a card: memory is the host's, and a launch calls a function of the test.

   Compiled as libcuda.so.1 by tests/pretended.py.  It has what cuda.core asks for; anything else answers
   "not supported".  Memory is full of NaN when it is allocated. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int Result;
typedef uint64_t Pointer;
typedef struct { unsigned grid[3], block[3], shared; void *stream; } Config;
typedef void (*Launched)(const char *text, const unsigned *grid, const unsigned *block, void **parameters, void *stream);

enum { OK = 0, INVALID = 1, NO_MEMORY = 2, NOT_INITIALIZED = 3, NO_CONTEXT = 201, NOT_SUPPORTED = 801 };
enum { ALLOCATIONS, FREES, UPLOADS, DOWNLOADS, LAUNCHES, WAITS, N_COUNTS };

unsigned long counts[N_COUNTS];
Launched launched;
int device_of_memory;

static __thread void *context;
static char primary, pool;
static int initialized;

Result cuInit(unsigned flags) { initialized = 1; return OK; }
Result cuDriverGetVersion(int *version) { *version = 13000; return OK; }
Result cuDeviceGetCount(int *n) { *n = 1; return OK; }
Result cuDeviceGet(int *device, int i) { *device = i; return i ? 101 : OK; }
Result cuDeviceGetName(char *name, int n, int device) { strncpy(name, "a pretended card", n); return OK; }
Result cuDeviceGetUuid_v2(void *uuid, int device) { memset(uuid, 7, 16); return OK; }
Result cuDeviceTotalMem_v2(size_t *n, int device) { *n = (size_t)8 << 30; return OK; }
Result cuDeviceGetAttribute(int *value, int attribute, int device) {
  switch (attribute) {
    case 1: *value = 1024; break;   /* threads of a block */
    case 2: case 3: *value = 1024; break;
    case 4: *value = 64; break;
    case 5: *value = 2147483647; break; /* blocks */
    case 6: case 7: *value = 65535; break;
    case 8: *value = 49152; break;  /* shared memory of a block */
    case 10: *value = 32; break;    /* threads of a warp */
    case 75: *value = 9; break;     /* compute capability */
    case 76: *value = 0; break;
    case 41: case 115: *value = 1; break; /* unified addresses, pools of memory */
    default: *value = 0;
  }
  return OK;
}
Result cuDevicePrimaryCtxRetain(void **c, int device) { *c = &primary; return OK; }
Result cuDevicePrimaryCtxRelease_v2(int device) { return OK; }
Result cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) { *flags = 0; *active = 1; return OK; }
Result cuCtxGetCurrent(void **c) { *c = context; return initialized ? OK : NOT_INITIALIZED; }
Result cuCtxSetCurrent(void *c) { context = c; return OK; }
Result cuCtxPushCurrent_v2(void *c) { context = c; return OK; }
Result cuCtxPopCurrent_v2(void **c) { *c = context; return OK; }
Result cuCtxGetDevice(int *device) { *device = 0; return context ? OK : NO_CONTEXT; }
Result cuCtxSynchronize(void) { counts[WAITS]++; return OK; }
Result cuCtxGetFlags(unsigned *flags) { *flags = 0; return OK; }
Result cuCtxGetId(void *c, unsigned long long *id) { *id = 1; return OK; }

Result cuMemAlloc_v2(Pointer *pointer, size_t n) {
  void *memory;
  counts[ALLOCATIONS]++;
  if (posix_memalign(&memory, 256, n ? n : 1)) return NO_MEMORY;
  memset(memory, 255, n);
  *pointer = (Pointer)memory;
  return OK;
}
Result cuMemFree_v2(Pointer pointer) { counts[FREES]++; free((void *)pointer); return OK; }
Result cuMemAllocAsync(Pointer *pointer, size_t n, void *stream) { return cuMemAlloc_v2(pointer, n); }
Result cuMemAllocFromPoolAsync(Pointer *pointer, size_t n, void *p, void *stream) { return cuMemAlloc_v2(pointer, n); }
Result cuMemFreeAsync(Pointer pointer, void *stream) { return cuMemFree_v2(pointer); }
Result cuDeviceGetMemPool(void **p, int device) { *p = &pool; return OK; }
Result cuDeviceGetDefaultMemPool(void **p, int device) { *p = &pool; return OK; }
Result cuMemGetDefaultMemPool(void **p, void *location, int type) { *p = &pool; return OK; }
Result cuMemGetMemPool(void **p, void *location, int type) { *p = &pool; return OK; }
Result cuMemPoolCreate(void **p, void *properties) { *p = &pool; return OK; }
Result cuMemPoolDestroy(void *p) { return OK; }
Result cuMemPoolSetAttribute(void *p, int attribute, void *value) { return OK; }
Result cuMemPoolGetAttribute(void *p, int attribute, void *value) { *(uint64_t *)value = 0; return OK; }
Result cuMemGetInfo_v2(size_t *available, size_t *total) { *available = *total = (size_t)8 << 30; return OK; }
Result cuMemcpyHtoDAsync_v2(Pointer to, const void *from, size_t n, void *stream) {
  counts[UPLOADS]++;
  memcpy((void *)to, from, n);
  return OK;
}
Result cuMemcpyDtoHAsync_v2(void *to, Pointer from, size_t n, void *stream) {
  counts[DOWNLOADS]++;
  memcpy(to, (void *)from, n);
  return OK;
}
Result cuMemsetD8Async(Pointer pointer, unsigned char value, size_t n, void *stream) {
  memset((void *)pointer, value, n);
  return OK;
}
Result cuPointerGetAttribute(void *value, int attribute, Pointer pointer) {
  if (attribute == 2) *(unsigned *)value = 2; /* memory of the device */
  else if (attribute == 3) *(Pointer *)value = pointer;
  else if (attribute == 9) *(int *)value = device_of_memory;
  else *(int *)value = 0;
  return OK;
}
Result cuPointerGetAttributes(unsigned n, int *attributes, void **values, Pointer pointer) {
  for (unsigned i = 0; i < n; i++) cuPointerGetAttribute(values[i], attributes[i], pointer);
  return OK;
}

Result cuStreamCreateWithPriority(void **stream, unsigned flags, int priority) { *stream = malloc(16); return OK; }
Result cuStreamDestroy_v2(void *stream) { return OK; }
Result cuStreamSynchronize(void *stream) { counts[WAITS]++; return OK; }
Result cuStreamGetCtx(void *stream, void **c) { *c = &primary; return OK; }
Result cuStreamGetCtx_v2(void *stream, void **c, void **green) { *c = &primary; *green = NULL; return OK; }
Result cuStreamGetDevice(void *stream, int *device) { *device = 0; return OK; }
Result cuStreamGetFlags(void *stream, unsigned *flags) { *flags = 0; return OK; }
Result cuStreamGetPriority(void *stream, int *priority) { *priority = 0; return OK; }
Result cuStreamIsCapturing(void *stream, int *status) { *status = 0; return OK; }
Result cuStreamWaitEvent(void *stream, void *event, unsigned flags) { return OK; }

Result cuEventCreate(void **event, unsigned flags) { *event = malloc(sizeof(struct timespec)); return OK; }
Result cuEventCreateWithFlags(void **event, unsigned flags) { return cuEventCreate(event, flags); }
Result cuEventDestroy_v2(void *event) { free(event); return OK; }
Result cuEventRecord(void *event, void *stream) { clock_gettime(CLOCK_MONOTONIC, event); return OK; }
Result cuEventQuery(void *event) { return OK; }
Result cuEventSynchronize(void *event) { counts[WAITS]++; return OK; }
Result cuEventElapsedTime(float *ms, struct timespec *begin, struct timespec *end) {
  *ms = (end->tv_sec - begin->tv_sec) * 1e3 + (end->tv_nsec - begin->tv_nsec) * 1e-6;
  return OK;
}
Result cuEventElapsedTime_v2(float *ms, void *begin, void *end) { return cuEventElapsedTime(ms, begin, end); }

/* A library, and each of its kernels, is the text that was loaded. */
Result cuLibraryLoadData(void **library, const void *text, void *a, void *b, unsigned c, void *d, void *e, unsigned f) {
  *library = strdup(text);
  return OK;
}
Result cuLibraryUnload(void *library) { return OK; }
Result cuLibraryGetKernel(void **kernel, void *library, const char *name) {
  *kernel = library;
  return strstr(library, name) ? OK : 500;
}
Result cuLibraryGetKernelCount(unsigned *n, void *library) { *n = 1; return OK; }
Result cuKernelGetFunction(void **function, void *kernel) { *function = kernel; return OK; }
Result cuKernelGetLibrary(void **library, void *kernel) { *library = kernel; return OK; }
Result cuKernelGetAttribute(int *value, int attribute, void *kernel, int device) { *value = 0; return OK; }
Result cuLaunchKernelEx(const Config *config, void *kernel, void **parameters, void **extra) {
  counts[LAUNCHES]++;
  if (!config->grid[0] || config->grid[0] > 2147483647u || config->block[0] > 1024) return INVALID;
  if (launched) launched(kernel, config->grid, config->block, parameters, config->stream);
  return OK;
}
Result cuLaunchKernel(void *kernel, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                      unsigned shared, void *stream, void **parameters, void **extra) {
  Config config = {{gx, gy, gz}, {bx, by, bz}, shared, stream};
  return cuLaunchKernelEx(&config, kernel, parameters, extra);
}

Result cuGetErrorName(int error, const char **name) { *name = "PRETENDED_ERROR"; return OK; }
Result cuGetErrorString(int error, const char **text) { *text = "an error of the pretended driver"; return OK; }

static Result missing(void) { return NOT_SUPPORTED; }

Result cuGetProcAddress_v2(const char *name, void **function, int version, uint64_t flags, int *status) {
  static const char *const endings[] = {"_v3", "_v2", ""};
  static void *self;
  char full[256];
  if (!self) self = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
  if (status) *status = 0;
  *function = NULL;
  for (int i = version < 12050 && !strcmp(name, "cuStreamGetCtx") ? 2 : 0; i < 3 && !*function; i++) {
    snprintf(full, sizeof full, "%s%s", name, endings[i]);
    *function = dlsym(self ? self : RTLD_DEFAULT, full);
  }
  if (!*function) {
    if (getenv("PRETENDED_TRACE")) fprintf(stderr, "no %s\n", name);
    *function = (void *)missing;
  }
  return OK;
}
Result cuGetProcAddress(const char *name, void **function, int version, uint64_t flags) {
  return cuGetProcAddress_v2(name, function, version, flags, NULL);
}
