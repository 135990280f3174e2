/* A stand-in for the CUDA driver, cuBLAS and cuRAND that computes nothing and counts what a program asks for.
 *
 * It shows on a machine without a GPU how many launches and copies a training step takes, and that every kernel that is
 * asked for exists in the module it is looked for in. Memory is the host's; results are whatever lies there. See
 * scripts/gpu_launches.sh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long long Ptr;
enum { MAX_KERNELS = 1024 };

static struct Kernel { char name[96]; long launches; int shared; } kernels[MAX_KERNELS];
static int kernel_count;
static long products, to_device, to_host, allocations, memsets, events;
static long long to_device_bytes, to_host_bytes;

__attribute__((destructor)) static void report(void) {
    const char *path = getenv("FAKE_GPU_REPORT");
    FILE *out = path ? fopen(path, "w") : NULL;
    if (!out) return;
    long launches = 0;
    for (int i = 0; i < kernel_count; i++) launches += kernels[i].launches;
    fprintf(out, "launches %ld\nproducts %ld\n", launches, products);
    fprintf(out, "copies_to_device %ld\nbytes_to_device %lld\n", to_device, to_device_bytes);
    fprintf(out, "copies_to_host %ld\nbytes_to_host %lld\n", to_host, to_host_bytes);
    fprintf(out, "allocations %ld\nmemsets %ld\nevents %ld\n", allocations, memsets, events);
    for (int i = 0; i < kernel_count; i++)
        if (kernels[i].launches) fprintf(out, "kernel:%s %ld\n", kernels[i].name, kernels[i].launches);
    fclose(out);
}

/* Devices, contexts, streams, events: any handle will do. */
int cuInit(unsigned flags) { return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return ordinal == 0 ? 0 : 101; }
enum { SHARED_MEMORY = 232448 }; /* what a block may ask for */
int cuDeviceGetAttribute(int *value, int attribute, int device) { *value = attribute == 97 ? SHARED_MEMORY : 1; return 0; }
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = (void *)1; return 0; }
int cuDevicePrimaryCtxRelease_v2(int device) { return 0; }
int cuCtxGetCurrent(void **context) { *context = (void *)1; return 0; }
int cuCtxSetCurrent(void *context) { return 0; }
int cuCtxDestroy_v2(void *context) { return 0; }
int cuCtxSynchronize(void) { return 0; }
int cuStreamCreate(void **stream, unsigned flags) { *stream = (void *)2; return 0; }
int cuStreamDestroy_v2(void *stream) { return 0; }
int cuStreamSynchronize(void *stream) { return 0; }
int cuStreamWaitEvent(void *stream, void *event, unsigned flags) { return 0; }
int cuStreamIsCapturing(void *stream, int *status) { *status = 0; return 0; }
int cuEventCreate(void **event, unsigned flags) { events++; *event = (void *)3; return 0; }
int cuEventRecord(void *event, void *stream) { events++; return 0; }
int cuEventDestroy_v2(void *event) { return 0; }
int cuGetErrorName(int error, const char **text) { *text = "FAKE_GPU"; return 0; }
int cuGetErrorString(int error, const char **text) { *text = error == 500 ? "no such kernel in its module" : "refused by the fake GPU"; return 0; }

/* Memory. */
int cuMemAlloc_v2(Ptr *pointer, size_t bytes) {
    allocations++;
    *pointer = (Ptr)(size_t)calloc(bytes ? bytes : 1, 1);
    return *pointer ? 0 : 2;
}
int cuMemAllocAsync(Ptr *pointer, size_t bytes, void *stream) { return cuMemAlloc_v2(pointer, bytes); }
int cuMemFree_v2(Ptr pointer) { free((void *)(size_t)pointer); return 0; }
int cuMemFreeAsync(Ptr pointer, void *stream) { return cuMemFree_v2(pointer); }
int cuMemsetD8Async(Ptr pointer, unsigned char value, size_t bytes, void *stream) {
    memsets++;
    memset((void *)(size_t)pointer, value, bytes);
    return 0;
}
int cuMemcpyHtoDAsync_v2(Ptr to, const void *from, size_t bytes, void *stream) {
    to_device++, to_device_bytes += bytes;
    memcpy((void *)(size_t)to, from, bytes);
    return 0;
}
int cuMemcpyDtoHAsync_v2(void *to, Ptr from, size_t bytes, void *stream) {
    to_host++, to_host_bytes += bytes;
    memcpy(to, (void *)(size_t)from, bytes);
    return 0;
}
int cuMemcpyDtoDAsync_v2(Ptr to, Ptr from, size_t bytes, void *stream) {
    memmove((void *)(size_t)to, (void *)(size_t)from, bytes);
    return 0;
}
int cuMemcpyPeerAsync(Ptr to, void *to_context, Ptr from, void *from_context, size_t bytes, void *stream) { return 1; }

/* Modules are PTX texts; a kernel is an `.entry` in one. */
int cuModuleLoad(void **module, const char *path) { return 1; }
int cuModuleLoadData(void **module, const void *image) { *module = (void *)image; return (*module = strdup(image)) ? 0 : 2; }
int cuModuleUnload(void *module) { return 0; }
int cuModuleGetFunction(void **function, void *module, const char *name) {
    char entry[128];
    snprintf(entry, sizeof entry, ".entry %s(", name);
    if (!strstr(module, entry)) {
        fprintf(stderr, "fake GPU: no kernel %s\n", name);
        return 500;
    }
    for (int i = 0; i < kernel_count; i++)
        if (!strcmp(kernels[i].name, name)) { *function = &kernels[i]; return 0; }
    if (kernel_count == MAX_KERNELS) return 2;
    strncpy(kernels[kernel_count].name, name, sizeof kernels[0].name - 1);
    *function = &kernels[kernel_count++];
    return 0;
}
int cuFuncSetAttribute(struct Kernel *kernel, int attribute, int value) {
    if (attribute == 8) kernel->shared = value;
    return value > SHARED_MEMORY;
}
int cuLaunchKernel(struct Kernel *kernel, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, void *stream, void **arguments, void **extra) {
    /* What a real driver refuses. */
    int allowed = kernel->shared > 49152 ? kernel->shared : 49152;
    if (!gx || !gy || !gz || !bx || !by || !bz || gx > 2147483647u || gy > 65535 || gz > 65535 || bx * by * bz > 1024 ||
        shared > allowed) {
        fprintf(stderr, "fake GPU: %s launched with grid %u %u %u, block %u %u %u, %u bytes shared\n", kernel->name, gx, gy, gz,
                bx, by, bz, shared);
        return 1;
    }
    kernel->launches++;
    return 0;
}

/* Libraries. */
int cublasCreate_v2(void **handle) { *handle = (void *)4; return 0; }
int cublasDestroy_v2(void *handle) { return 0; }
int cublasSetStream_v2(void *handle, void *stream) { return 0; }
int cublasDgemmStridedBatched(void) { products++; return 0; }
int cublasGemmStridedBatchedEx(void) { products++; return 0; }
int curandCreateGenerator(void **generator, int kind) { *generator = (void *)5; return 0; }
int curandDestroyGenerator(void *generator) { return 0; }
int curandSetPseudoRandomGeneratorSeed(void *generator, Ptr seed) { return 0; }
int curandSetStream(void *generator, void *stream) { return 0; }
