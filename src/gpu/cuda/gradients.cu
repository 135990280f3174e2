// All gradients into one tensor [run, value], with the sums of their squares.
#include "common.cuh"

// A parameter's gradient: parts [run, part, value] that are to be added up.
struct Gradient {
    const void *parts;
    int count, len, start; // of the parts; of a part; in the gradients of a run
};

constexpr int MOST = 64;

struct Join {
    Gradient gradients[MOST]; // one behind the other
    void *joined;
    double *squares; // [run, block]
    int count, begin, end, values; // of gradients; their values; of a run
    int block, blocks;             // where this launch begins; of all launches
};

template <typename T>
__device__ void join(const Join &c) {
    const int run = blockIdx.y, value = c.begin + blockIdx.x * blockDim.x + threadIdx.x;
    double square = 0;
    if (value < c.end) {
        int low = 0, high = c.count - 1;
        while (low < high) {
            int middle = (low + high + 1) / 2;
            if (c.gradients[middle].start <= value) low = middle;
            else high = middle - 1;
        }
        const Gradient &g = c.gradients[low];
        const T *from = (const T *)g.parts + (Long)run * g.count * g.len + (value - g.start);
        T sum = from[0];
#pragma unroll 8
        for (int part = 1; part < g.count; part++) sum += from[(Long)part * g.len];
        ((T *)c.joined)[(Long)run * c.values + value] = sum;
        square = (double)sum * (double)sum;
    }
    square = block_sum(square);
    if (threadIdx.x == 0) c.squares[(Long)run * c.blocks + c.block + blockIdx.x] = square;
}

extern "C" __global__ void join_float(const __grid_constant__ Join c) { join<float>(c); }
extern "C" __global__ void join_double(const __grid_constant__ Join c) { join<double>(c); }

// Σx² over ranges of x [run, value]: a block for each.
struct Norms {
    const void *values[3];
    const int *ranges; // begin and end of each
    double *squares;   // [tensor, run, range]
    int len;           // values of a run
};

template <typename T>
__device__ void norms(const Norms &c) {
    const T *from = (const T *)c.values[blockIdx.z] + (Long)blockIdx.y * c.len;
    double sum = 0;
#pragma unroll 4
    for (int i = c.ranges[2 * blockIdx.x] + threadIdx.x; i < c.ranges[2 * blockIdx.x + 1]; i += blockDim.x)
        sum += (double)from[i] * (double)from[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) c.squares[((Long)blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x] = sum;
}

extern "C" __global__ void norms_float(const __grid_constant__ Norms c) { norms<float>(c); }
extern "C" __global__ void norms_double(const __grid_constant__ Norms c) { norms<double>(c); }
