// Statistics of many tensors [run, row·pixel, unit] in two launches: stretches of a run first, then their sums.
#include "common.cuh"

struct ObservedLayer {
    const void *values;
    const double *ends; // of the live interval of each run; null where every unit is alive
    unsigned *live;     // [run, unit], zeros that become ones
    double near;        // values smaller than this are near zero
    Long run;           // values from one run to the next
    int len, units;     // values of a run
};

constexpr int MOST = 64;

struct Observation {
    ObservedLayer tensors[MOST];
    double *parts; // [tensor, run, block, sum]: Σx, Σx², least, greatest, near zeros
    double *sums;  // [tensor, sum, run]
    int count;     // values of a block
    int blocks;    // of a run of the longest tensor
};

constexpr int SUMS = 5;

template <typename T, int V>
__device__ void observe(const ObservedLayer &t, double *part, unsigned *live, int begin, int end, int run) {
    const T *from = (const T *)t.values + run * t.run;
    const T near = t.near;
    T low = 0, high = 0;
    if (t.ends) {
        low = t.ends[2 * run], high = t.ends[2 * run + 1];
        for (int unit = threadIdx.x; unit < t.units; unit += blockDim.x) live[unit] = 0;
        __syncthreads();
    }
    double sum = 0, squares = 0;
    T least = CUDART_INF, greatest = -CUDART_INF;
    int small = 0;
#pragma unroll 2
    for (int i = begin + threadIdx.x * V; i < end; i += blockDim.x * V) {
        T x[V];
        load<V>(x, from + i);
#pragma unroll
        for (int u = 0; u < V; u++) {
            double wide = x[u];
            sum += wide, squares += wide * wide;
            least = fmin(least, x[u]), greatest = fmax(greatest, x[u]);
            small += fabs(x[u]) < near;
        }
        if (t.ends) {
            int unit = i % t.units;
#pragma unroll
            for (int u = 0; u < V; u++) {
                if (x[u] > low && x[u] < high) live[unit] = 1;
                if (++unit == t.units) unit = 0;
            }
        }
    }
    sum = block_sum(sum), squares = block_sum(squares), small = block_sum(small);
    least = joined(least, [](T a, T b) { return fmin(a, b); });
    greatest = joined(greatest, [](T a, T b) { return fmax(a, b); });
    if (threadIdx.x == 0) part[0] = sum, part[1] = squares, part[2] = least, part[3] = greatest, part[4] = small;
    if (t.ends) {
        for (int unit = threadIdx.x; unit < t.units; unit += blockDim.x)
            if (live[unit]) t.live[(Long)run * t.units + unit] = 1;
    }
}

template <typename T>
__device__ void observe(const Observation &c) {
    extern __shared__ unsigned live[];
    const ObservedLayer &t = c.tensors[blockIdx.z];
    const int run = blockIdx.y, begin = blockIdx.x * c.count, end = min(begin + c.count, t.len);
    if (begin >= t.len) return;
    double *part = c.parts + (((Long)blockIdx.z * gridDim.y + run) * c.blocks + blockIdx.x) * SUMS;
    if (t.len % 4 == 0 && t.run % 4 == 0 && (size_t)t.values % 16 == 0) observe<T, 4>(t, part, live, begin, end, run);
    else observe<T, 1>(t, part, live, begin, end, run);
}

extern "C" __global__ void __launch_bounds__(256) observe_float(const __grid_constant__ Observation c) { observe<float>(c); }
extern "C" __global__ void __launch_bounds__(256) observe_double(const __grid_constant__ Observation c) { observe<double>(c); }

// A warp for each tensor and run.
extern "C" __global__ void observe_sums(const __grid_constant__ Observation c) {
    const ObservedLayer &t = c.tensors[blockIdx.y];
    const int run = blockIdx.x, parts = divided(t.len, c.count);
    const double *from = c.parts + ((Long)blockIdx.y * gridDim.x + run) * c.blocks * SUMS;
    double sum = 0, squares = 0, least = CUDART_INF, greatest = -CUDART_INF, small = 0;
    for (int part = threadIdx.x; part < parts; part += 32) {
        const double *numbers = from + (Long)part * SUMS;
        sum += numbers[0], squares += numbers[1], small += numbers[4];
        least = fmin(least, numbers[2]), greatest = fmax(greatest, numbers[3]);
    }
    sum = block_sum(sum), squares = block_sum(squares), small = block_sum(small);
    least = joined(least, [](double a, double b) { return fmin(a, b); });
    greatest = joined(greatest, [](double a, double b) { return fmax(a, b); });
    if (threadIdx.x == 0) {
        double *to = c.sums + (Long)blockIdx.y * SUMS * gridDim.x + run;
        const double numbers[SUMS] = {sum, squares, least, greatest, small};
        for (int i = 0; i < SUMS; i++) to[i * gridDim.x] = numbers[i];
    }
}

// Counts of x in `bins` equal bins over [low, high], with one more on either side: integers, so that no order matters.
struct Histogram {
    const void *values;
    unsigned *counts; // [run, bin], zeros
    double low, high, scale;
    Long run; // values from one run to the next
    int len, bins, count; // values of a run; of a block
};

template <typename T>
__device__ void histogram(const Histogram &c) {
    extern __shared__ unsigned counts[];
    const int run = blockIdx.y, begin = blockIdx.x * c.count, end = min(begin + c.count, c.len);
    for (int bin = threadIdx.x; bin < c.bins + 2; bin += blockDim.x) counts[bin] = 0;
    __syncthreads();
    const T *from = (const T *)c.values + run * c.run;
    for (int i = begin + threadIdx.x; i < end; i += blockDim.x) {
        T place = floor((from[i] - T(c.low)) * T(c.scale)) + T(1);
        // NaN lies below, and the upper end in the last bin.
        int bin = place > T(0) ? (place < T(c.bins + 1) ? (int)place : c.bins + !(from[i] <= T(c.high))) : 0;
        atomicAdd(&counts[bin], 1u);
    }
    __syncthreads();
    for (int bin = threadIdx.x; bin < c.bins + 2; bin += blockDim.x)
        if (counts[bin]) atomicAdd(&c.counts[(Long)run * (c.bins + 2) + bin], counts[bin]);
}

extern "C" __global__ void histogram_float(const __grid_constant__ Histogram c) { histogram<float>(c); }
extern "C" __global__ void histogram_double(const __grid_constant__ Histogram c) { histogram<double>(c); }
