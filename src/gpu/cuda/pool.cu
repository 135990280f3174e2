// Means over all pixels of each row [row, pixel, unit], and the way back.
#include "common.cuh"

struct Mean {
    const void *from;
    void *to;
    int rows, pixels, units; // of all runs
};

template <typename T>
__device__ void mean(const Mean &c) {
    const Long i = (Long)blockIdx.x * blockDim.x + threadIdx.x, row = i / c.units;
    if (row >= c.rows) return;
    const T *from = (const T *)c.from + row * c.pixels * c.units + i % c.units;
    T sum = 0;
#pragma unroll 4
    for (int pixel = 0; pixel < c.pixels; pixel++) sum += from[(Long)pixel * c.units];
    ((T *)c.to)[i] = sum / T(c.pixels);
}

template <typename T>
__device__ void mean_backward(const Mean &c) {
    const Long i = (Long)blockIdx.x * blockDim.x + threadIdx.x, row = i / c.units / c.pixels;
    if (row >= c.rows) return;
    ((T *)c.to)[i] = ((const T *)c.from)[row * c.units + i % c.units] / T(c.pixels);
}

extern "C" __global__ void mean_float(const __grid_constant__ Mean c) { mean<float>(c); }
extern "C" __global__ void mean_double(const __grid_constant__ Mean c) { mean<double>(c); }
extern "C" __global__ void mean_backward_float(const __grid_constant__ Mean c) { mean_backward<float>(c); }
extern "C" __global__ void mean_backward_double(const __grid_constant__ Mean c) { mean_backward<double>(c); }
