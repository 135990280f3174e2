// Activations in one pass: behind a product with its bias, and on the way back with the sums over rows.
#include "common.cuh"

// z += b in place and h = φ(z), for values [run, row, unit].
struct Forward {
    void *z, *h;      // no φ: h is null
    const void *bias; // none: null
    Long bias_run;    // values from one run to the next
    Phi phi;
    int len, units; // values of a run
};

template <typename T, int V>
__device__ void forward(const Forward &c) {
    const int run = blockIdx.y, i = (blockIdx.x * blockDim.x + threadIdx.x) * V;
    if (i >= c.len) return;
    const Activation<T> phi(c.phi, run);
    const Long at = (Long)run * c.len + i;
    T z[V], h[V], bias[V];
    load<V>(z, (T *)c.z + at);
    if (c.bias) {
        const T *from = (const T *)c.bias + run * c.bias_run + i % c.units;
#pragma unroll
        for (int u = 0; u < V; u++) bias[u] = from[u];
#pragma unroll
        for (int u = 0; u < V; u++) z[u] += bias[u];
        store<V>((T *)c.z + at, z);
    }
    if (c.h) {
#pragma unroll
        for (int u = 0; u < V; u++) h[u] = phi.value(z[u]);
        store<V>((T *)c.h + at, h);
    }
}

// dz = dh·φ′(z)
struct Backward {
    const void *dh, *z, *h;
    void *dz;
    Phi phi;
    int len; // values of a run
};

template <typename T, int V>
__device__ void backward(const Backward &c) {
    const int run = blockIdx.y, i = (blockIdx.x * blockDim.x + threadIdx.x) * V;
    if (i >= c.len) return;
    const Activation<T> phi(c.phi, run);
    const Long at = (Long)run * c.len + i;
    T dh[V], z[V], h[V] = {}, dz[V];
    load<V>(dh, (const T *)c.dh + at);
    load<V>(z, (const T *)c.z + at);
    if (c.phi.kind != RELU) load<V>(h, (const T *)c.h + at);
#pragma unroll
    for (int u = 0; u < V; u++) dz[u] = phi.backward(dh[u], z[u], h[u]);
    store<V>((T *)c.dz + at, dz);
}

// The same, and Σ dz over each part of a run's rows: [run, part, unit].
struct BackwardSums {
    const void *dh, *z, *h;
    void *dz; // no φ: null
    void *sums;
    Phi phi;
    int rows, part, units; // of a run; of a block
};

constexpr int COLUMNS = 32, ROWS = 8;

template <typename T>
__device__ void backward_sums(const BackwardSums &c) {
    __shared__ T found[ROWS][COLUMNS];
    const int run = blockIdx.z, unit = blockIdx.x * COLUMNS + threadIdx.x, end = min((int)(blockIdx.y + 1) * c.part, c.rows);
    const Activation<T> phi(c.phi, run);
    T sum = 0;
    if (unit < c.units) {
#pragma unroll 4
        for (int row = blockIdx.y * c.part + threadIdx.y; row < end; row += ROWS) {
            const Long at = ((Long)run * c.rows + row) * c.units + unit;
            T dz = ((const T *)c.dh)[at];
            if (c.dz) {
                T h = c.phi.kind == RELU ? T(0) : ((const T *)c.h)[at];
                dz = phi.backward(dz, ((const T *)c.z)[at], h);
                ((T *)c.dz)[at] = dz;
            }
            sum += dz;
        }
    }
    found[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y > 0 || unit >= c.units) return;
    for (int row = 1; row < ROWS; row++) sum += found[row][threadIdx.x];
    ((T *)c.sums)[((Long)run * gridDim.y + blockIdx.y) * c.units + unit] = sum;
}

#define PHI(T, V) \
    extern "C" __global__ void phi_forward_##T##_##V(const __grid_constant__ Forward c) { forward<T, V>(c); } \
    extern "C" __global__ void phi_backward_##T##_##V(const __grid_constant__ Backward c) { backward<T, V>(c); }
PHI(float, 1)
PHI(float, 4)
PHI(double, 1)
PHI(double, 4)
extern "C" __global__ void phi_backward_sums_float(const __grid_constant__ BackwardSums c) { backward_sums<float>(c); }
extern "C" __global__ void phi_backward_sums_double(const __grid_constant__ BackwardSums c) { backward_sums<double>(c); }
